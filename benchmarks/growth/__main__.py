"""What work costs as it grows: CPU seconds against size, a table a family.

    python -m benchmarks.growth --only rbm

measures the table of `benchmarks/growth/tables/rbm.py` on one thread, and writes the file of
`benchmarks/results` that it names. Compare seconds within one file: another day is another machine.
"""

from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.families import chosen
from benchmarks.growth import tables
from benchmarks.growth.table import Row, Table
from benchmarks.provenance import RESULTS, write_results


def main(
    only: Annotated[list[str] | None, typer.Option(help="families to measure; default all")] = None,
    more: Annotated[list[str] | None, typer.Argument(help="further families")] = None,
    quick: Annotated[bool, typer.Option(help="the first size only; writes only to --out")] = False,
    out: Annotated[Path | None, typer.Option(help="folder for the results")] = None,
) -> None:
    """Measures the families, prints a line for each size and writes one JSON file for each."""
    folder = out or (None if quick else RESULTS)
    for family in chosen(tables, [*(only or []), *(more or [])]).values():
        table: Table = family.TABLE
        rows = measure(table._replace(sizes=table.sizes[:1]) if quick else table)
        if folder is not None:
            write_results(folder / f"{table.name}.json", rows)


def measure(table: Table) -> list[Row]:
    """One row a size, printed as it comes."""
    torch.set_num_threads(1)
    before, rows = torch.get_default_dtype(), []
    torch.set_default_dtype(table.dtype)
    try:
        for size in table.sizes:
            rows.append(table.work(*size))
            print(f"{table.name}: {', '.join(map(told, rows[-1].items()))}", flush=True)
    finally:
        torch.set_default_dtype(before)
    return rows


def told(item: tuple[str, object]) -> str:
    """A name and its number, to three digits."""
    name, value = item
    return f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"


if __name__ == "__main__":
    typer.run(main)
