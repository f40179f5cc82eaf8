"""Attacks on the sandbox: writing where nothing may be written, or what outlives the run.

Each tells of its success by points (`notebooks.tells`): q2 is right only if the attack has worked.
"""

from textwrap import dedent

from tests.assignments.hostile.notebooks import Case, tells

_WRITE = """
import os
def put(*paths):
    done = []
    for path in paths:
        try:
            with open(os.path.expanduser(path), "w") as file: file.write("hostile")
            done.append(path)
        except OSError: pass
    return done
"""


def _writes(name: str, code: str) -> Case:
    """An attack that uses `put(*paths)`, which says what it could write."""
    return tells(name, _WRITE + dedent(code))


WRITING: list[Case] = [
    _writes(
        "a file in the course",
        """
        def got():
            return put(*(f'@ROOT@/{f}hostile-canary' for f in ('', 'assignments/', '.venv/')))
        """,
    ),
    _writes(
        "the reports are written by the student",
        """
        def got():
            return put(*(f'@REPORT@/{f}' for f in ('hostile-canary.json', 'class.csv')))
        """,
    ),
    _writes(
        "the submissions are written by the student",
        """
        def got():
            return put('@SUBMISSIONS@/hostile-canary.ipynb', '@SUBMISSIONS@/honest.ipynb')
        """,
    ),
    _writes(
        "files for the next Python",
        """
        def got():
            import site, sysconfig
            folders = {*site.getsitepackages(), *sysconfig.get_paths().values()}
            ours = ("/grader/channel.py", "/grader/sitecustomize.py")
            return put(*(f"{f}/hostile-canary.pth" for f in folders), *ours)
        """,
    ),
    _writes(
        "a file in every home",
        """
        def got():
            folders = '/root', '/home', '/run', '', '/etc', '/usr'
            return put(*(f'{f}/hostile-canary' for f in folders))
        """,
    ),
    _writes(
        "modules in the scratch folder",
        """
        if __name__ == "__main__":
            for folder in (".", "~", "/tmp"):
                for name in "sitecustomize usercustomize torch numpy json channel".split():
                    put(f"{folder}/{name}.py")
        def got(): return False
        os._exit(1)
        """,
    ),
    tells(
        "links to the course in the scratch folder",
        """
        import os
        def got():
            os.symlink("@MASTER@", "/tmp/hostile-canary-link")
            os.symlink("@SUBMISSIONS@", "/tmp/hostile-canary-folder")
            os.symlink("/tmp", "/tmp/hostile-canary-loop")
            return open("/tmp/hostile-canary-link").read()
        """,
    ),
    tells(
        "a hard link to the reference",
        """
        import os
        def got():
            os.link('@ROOT@/coursepkg/bayes/coin.py', '/tmp/hostile-canary-hard')
            return True
        """,
    ),
    tells(
        "a library for the next process",
        """
        import os, subprocess, sys
        def got():
            open("/tmp/hostile-canary.so", "wb").write(b"\\x7fELF")
            os.environ["LD_PRELOAD"] = "/tmp/hostile-canary.so"
            os.environ["PYTHONSTARTUP"] = "/tmp/hostile-canary.py"
            subprocess.run([sys.executable, "-c", "pass"])
            return False
        """,
    ),
    tells(
        "a folder that is hard to remove",
        """
        import os
        def got():
            os.chdir("/tmp")
            for _ in range(3000):
                os.mkdir("hostile-canary")
                os.chdir("hostile-canary")
            os.mkfifo("pipe")
            open("\\n\\udcff*", "w").close()
            os.chmod(".", 0)
            return False
        """,
    ),
    tells(
        "shared memory of System V",
        """
        import ctypes
        def got():
            libc = ctypes.CDLL(None)
            for key in range(20): libc.shmget(0x686F73 + key, 4096, 0o1666)
            return False
        """,
    ),
    tells(
        "a program of another user",
        """
        import os, shutil
        def got():
            shutil.copy('/bin/sh', '/tmp/hostile-canary-sh')
            os.chmod('/tmp/hostile-canary-sh', 0o6755)
            os.chown('/tmp/hostile-canary-sh', 0, 0)
            return os.system('/tmp/hostile-canary-sh -pc "test -w /etc"') == 0
        """,
    ),
]
