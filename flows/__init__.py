"""One flow a file, named by what it does.

The process of a worker's run begins here, before it looks for any token.
"""

import os

from flows.run_process import VARIABLE, begin

if VARIABLE in os.environ:
    begin(os.environ[VARIABLE])
