"""A terminado server, as its documentation starts one: a new shell for each socket."""

from __future__ import annotations

import sys

import tornado.ioloop
import tornado.web
from terminado.management import UniqueTermManager
from terminado.websocket import TermSocket


def main(port: int) -> None:
    manager = UniqueTermManager(shell_command=["bash"])
    tornado.web.Application([("/", TermSocket, {"term_manager": manager})]).listen(port, "127.0.0.1")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    tornado.ioloop.IOLoop.current().start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
