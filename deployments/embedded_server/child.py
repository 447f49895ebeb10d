"""The process of a supervised program: runs a module that dies with its supervisor, however that ends.

Its standard input is a pipe that the supervisor holds open and never writes to. When the supervisor ends, even by
SIGKILL, the kernel closes the pipe: a program that nothing would stop or restart must not keep running.
"""

import contextlib
import gc
import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 5.0


def main() -> None:
    """Run the module, or the script, that the arguments name."""
    # What a program makes while it starts stays: to look through all of it again and again took a fifth of the start.
    gc.set_threshold(50_000)
    sys.argv = sys.argv[1:]
    threading.Thread(target=_follow_supervisor, args=(os.dup(0),), daemon=True).start()
    run = runpy.run_path if sys.argv[0].endswith(".py") else runpy.run_module
    run(sys.argv[0], run_name="__main__")


def _follow_supervisor(pipe: int) -> None:
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
