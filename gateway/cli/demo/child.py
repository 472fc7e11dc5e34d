"""A verb as a process that ends when whoever started it does, however that one ended.

The starter holds the other end of standard input and never writes to it: when it is gone, even by
SIGKILL, the read returns, and the process stops as if it had been told to.
"""

from __future__ import annotations

import os
import signal
import threading
import time

GRACE_S = 5.0


def _leash() -> None:
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


def main() -> None:
    """Run the verb that the command line names."""
    threading.Thread(target=_leash, daemon=True).start()
    from gateway.cli.start import main as accord

    accord()


if __name__ == "__main__":
    main()
