import os

SERVER_CORE, CLIENT_CORE = 1, 0


def pin_to_core(process_id: int, core: int):
    """Keeps a process (0: this one) on one core, where the platform and the number of cores allow it."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(process_id, {core})
