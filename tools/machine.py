"""What machine this is, for numbers that depend on it."""

import os
import platform
import re
from pathlib import Path


def cpu() -> str:
    """The processor's name and how many cores we may use, as in "AMD EPYC, 2 cores"."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    match = re.search(r"model name\s*: (.+)", text)
    name = match[1].strip() if match else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"
