import os
import subprocess
import sys
from contextlib import contextmanager
from typing import Iterator

# Ends by itself when its parent is gone.
SPIN = """
import os
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
os.sched_setaffinity(0, {%d})
parent = os.getppid()
while os.getppid() == parent:
    pass
"""


@contextmanager
def awake_cores() -> Iterator[None]:
    """
    Keeps the cores from going to sleep while microseconds are measured: waking a virtual machine's core takes longer
    than what is measured. The spinning processes have idle priority and give way to every other one.
    """
    spinners = []
    if hasattr(os, "SCHED_IDLE"):
        spinners = [subprocess.Popen([sys.executable, "-c", SPIN % core]) for core in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
