"""Ways to a library that the master closes: it is to be gone, and not only to who asks nicely."""

from textwrap import dedent

from tests.assignments.hostile.notebooks import Case, tells

_HERE = """
import gc, glob, importlib, importlib.metadata, importlib.util, inspect, os, subprocess, sys
def ours(name):
    return name == "networkx" or name.startswith("networkx.")
def forget():
    for name in [*filter(ours, sys.modules)]: del sys.modules[name]
def works(module):
    return module.path_graph(3).number_of_edges() == 2
"""


def _reaches(name: str, code: str) -> Case:
    """An attack that has the library if `works` says so."""
    return tells(name, _HERE + dedent(code))


CLOSED: list[Case] = [
    _reaches(
        "a closed library, forgotten and imported anew",
        """
        def got():
            forget()
            import networkx
            return works(networkx)
        """,
    ),
    _reaches(
        "a closed library by importlib and by its function",
        """
        def got():
            for way in (importlib.import_module, __import__):
                forget()
                try:
                    if works(way("networkx")): return True
                except ImportError: pass
        """,
    ),
    _reaches(
        "a closed library from another Python's packages",
        """
        def got():
            tops = ["/usr", sys.prefix, sys.base_prefix]
            tops.append(os.path.realpath(sys.executable + "/../.."))
            tops = [f for top in tops for f in glob.glob(top + "/lib*/python3*/*-packages")]
            for top in {*tops, *map(os.path.realpath, tops)}:
                forget()
                sys.path.insert(0, top)
                importlib.invalidate_caches()
                try:
                    if works(importlib.import_module("networkx")): return True
                except (ImportError, AttributeError): pass
        """,
    ),
    _reaches(
        "a closed library by its file",
        """
        def got():
            forget()
            for top in sys.path:
                path = os.path.join(top, "networkx", "__init__.py")
                if os.path.exists(path):
                    spec = importlib.util.spec_from_file_location("networkx", path)
                    sys.modules["networkx"] = module = importlib.util.module_from_spec(spec)
                    spec.loader.exec_module(module)
                    return works(module)
        """,
    ),
    _reaches(
        "a closed library in a Python of one's own",
        """
        def got():
            code = "import networkx; print(networkx.path_graph(3).number_of_edges())"
            words = [sys.executable, "-c", code]
            return subprocess.run(words, capture_output=True).stdout.strip() == b"2"
        """,
    ),
    _reaches(
        "a closed library's source or bytecode, anywhere on the disk",
        """
        def got():
            tops = {"/usr", sys.prefix, sys.base_prefix, *sys.path}
            deep = ["/networkx/*.py", "/networkx/__pycache__/*.pyc"]
            return any(glob.glob(top + "/*" * depth + end)
                       for top in tops for depth in range(4) for end in deep)
        """,
    ),
    _reaches(
        "a closed library's source, of which its package's list tells",
        """
        def got():
            listed = importlib.metadata.files("networkx")
            files = [file for file in listed if file.name in ("shortest_path.py", "graph.py")]
            return any(len(file.locate().read_text()) > 99 for file in files)
        """,
    ),
    _reaches(
        "a closed library among all objects",
        """
        def got():
            import torch, torch.fx, scipy.stats, sklearn.datasets
            for thing in gc.get_objects():
                if inspect.isfunction(thing) and ours(thing.__module__ or ""): return True
                if inspect.ismodule(thing) and ours(thing.__name__) and hasattr(thing, "Graph"):
                    return True
        """,
    ),
    _reaches(
        "a closed library in a module that imports it",
        """
        def got():
            forget()
            module = "torch._functorch._activation_checkpointing.graph_info_provider"
            return works(importlib.import_module(module).nx)
        """,
    ),
]
