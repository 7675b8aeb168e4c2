import gc
import random
import statistics
from dataclasses import asdict, dataclass, field
from typing import Awaitable, Callable, Dict, Iterable, List, Mapping


@dataclass
class Series:
    """The samples of one side of a comparison, one per alternation, all in the same unit."""

    samples: List[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def spread(self) -> float:
        """:return: distance between the quartiles, as a part of the median"""
        if len(self.samples) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return (high - low) / self.median

    def ratio_to(self, other: "Series") -> float:
        """
        :return: median of the ratios within each alternation, which a machine whose speed drifts changes least
        """
        return statistics.median(mine / theirs for mine, theirs in zip(self.samples, other.samples))


class FigureVoid(Exception):
    """What was measured did not do its work: its figure must not be shown."""


async def alternate(sides: Mapping[str, Callable[[], Awaitable[Dict[str, float]]]], rounds: int,
                    progress: Callable[[str], None]) -> Dict[str, Dict[str, Series]]:
    """
    Measures all sides once a round, after one round that only warms up. Each round has an order of its own, because a
    side is slower after one that left the memory scattered.

    :param sides: name -> one measurement, returning figure name -> value
    :return: figure name -> side -> samples
    :raises FigureVoid: when a measurement found its result wrong
    """
    figures: Dict[str, Dict[str, Series]] = {}
    names, order = list(sides), random.Random(1)
    for round_number in range(rounds + 1):
        for name in names:
            progress(f"round {round_number}/{rounds}: {name}" if round_number else f"warming up: {name}")
            gc.collect()
            for figure, value in (await sides[name]()).items():
                series = figures.setdefault(figure, {}).setdefault(name, Series())
                if round_number:
                    series.samples.append(value)
        order.shuffle(names)
    return figures


@dataclass
class Target:
    """One number the connector has to reach."""

    text: str
    value: float
    limit: float
    at_least: bool

    @property
    def is_met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{'met   ' if self.is_met else 'MISSED'}  {self.text}: {self.value:.3g} (target {sign} {self.limit:g})"


@dataclass
class Table:
    """One figure of all sides, with the ratio to a reference side when there is one."""

    title: str
    unit: str
    series: Dict[str, Series]
    reference: str = ""
    digits: int = 1

    def as_json(self) -> dict:
        reference = self.series.get(self.reference)
        return {"title": self.title, "unit": self.unit, "reference": self.reference, "sides": {
            name: {"median": series.median, "spread": series.spread, "samples": series.samples,
                   "ratio": series.ratio_to(reference) if reference else None}
            for name, series in self.series.items()}}

    def __str__(self) -> str:
        width = max(len(name) for name in self.series)
        reference = self.series.get(self.reference)
        heading = f"  ratio to {self.reference}" if reference else ""
        lines = [f"{self.title}", f"{'':{width}}  {self.unit:>14}  {'spread':>7}{heading}"]
        for name, series in self.series.items():
            ratio = f"  {series.ratio_to(reference):.2f}" if reference else ""
            lines.append(f"{name:{width}}  {series.median:14,.{self.digits}f}  {series.spread:7.0%}{ratio}")
        return "\n".join(lines)


@dataclass
class Report:
    """What one part of the benchmarks found."""

    part: str
    tables: List[Table] = field(default_factory=list)
    targets: List[Target] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    is_valid: bool = True

    def __str__(self) -> str:
        blocks = [f"=== {self.part} ===", *map(str, self.tables), "\n".join(map(str, self.targets)),
                  "\n".join(self.notes)]
        return "\n\n".join(block for block in blocks if block)

    def as_json(self) -> dict:
        return {
            "part": self.part,
            "tables": [table.as_json() for table in self.tables],
            "targets": [{**asdict(target), "met": target.is_met} for target in self.targets],
            "notes": self.notes,
        }


def best(series: Dict[str, Series], names: Iterable[str], highest: bool) -> str:
    """:return: the side among `names` with the best median"""
    ranked = sorted(names, key=lambda name: series[name].median)
    return ranked[-1 if highest else 0]
