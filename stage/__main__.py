"""`python -m stage`: serves a local AWS in the foreground until SIGTERM or Ctrl-C."""

import argparse
import gc
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

HERE = "127.0.0.1"
_SHUTDOWN_POLL_SECONDS = 0.05


def main() -> int:
    """Returns the exit status: 0 after SIGTERM or Ctrl-C, 1 when the port is taken or the scenario unusable."""
    arguments = _arguments()
    begun = time.perf_counter()
    gc.disable()  # what is created before the stage is ready stays
    try:  # before the slow imports, so that a taken port is reported at once
        server_socket = socket.create_server((arguments.host, arguments.port), backlog=128)
    except OSError as busy:
        reason = os.strerror(busy.errno or 0)
        sys.stderr.write(
            f"stage: cannot listen on {arguments.host}:{arguments.port}: {reason}; "
            "choose another port, as in: make stage PORT=5001\n"
        )
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    port = server_socket.getsockname()[1]
    endpoint = f"http://{HERE}:{port}"
    _forget_user_settings(port)

    from stage.moto import botocore_files  # noqa: PLC0415 - see above

    botocore_files.install()  # moto makes sessions while it is imported

    from werkzeug.serving import make_server  # noqa: PLC0415 - see above

    from stage.control.routes import Control  # noqa: PLC0415 - see above
    from stage.gateway.server import RequestHandler  # noqa: PLC0415 - see above
    from stage.lambda_ import processes  # noqa: PLC0415 - see above
    from stage.scenario import Scenario, load  # noqa: PLC0415 - see above
    from stage.stage import Stage  # noqa: PLC0415 - see above

    try:
        scenario = load(arguments.scenario) if arguments.scenario else Scenario()
    except (ImportError, AttributeError, TypeError) as unusable:
        sys.stderr.write(f"stage: cannot load the scenario {arguments.scenario}: {unusable}\n")
        return 1
    if arguments.template:
        scenario = replace(scenario, template=arguments.template)

    with tempfile.TemporaryDirectory(prefix="stage-") as directory:
        start = processes.Forks() if arguments.runtime == "fork" else processes.new
        stage = Stage(endpoint, scenario, Path(directory), start=start, verbose=arguments.verbose)
        server = make_server(
            arguments.host,
            port,
            Control(stage),
            threaded=True,
            request_handler=RequestHandler,
            fd=server_socket.fileno(),
        )
        threading.Thread(target=server.serve_forever, args=(_SHUTDOWN_POLL_SECONDS,), daemon=True).start()
        try:
            stage.open(bare=arguments.bare)
            if arguments.runtime == "sam":
                stage.run_functions_in_docker()
            gc.freeze()
            gc.set_threshold(10_000)  # a deployment creates many objects and hardly any cycles
            gc.enable()
            sys.stdout.write(
                f"The stage is ready on {endpoint} after {time.perf_counter() - begun:.1f} s: {stage.summary}; "
                f"see {endpoint}/_stage/\n"
                f"export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=me "
                "AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=\n"
            )
            sys.stdout.flush()
            _wait_for_signal()
            return 0
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            server.shutdown()
            stage.close()


def _wait_for_signal() -> None:
    """Wait until a signal's handler raises. `signal.pause` would miss a signal that is delivered to another thread."""
    woken, wake = socket.socketpair()
    with woken, wake:
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        try:
            woken.recv(1)
        finally:
            signal.set_wakeup_fd(-1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stage", description="Serve a local AWS.")
    port = os.environ.get("PORT", "5000")
    parser.add_argument("--port", type=int, default=port, help="0 for a free one; default: $PORT, else 5000")
    parser.add_argument("--host", default=HERE, help=f"0.0.0.0 lets containers in, and the network; default: {HERE}")
    parser.add_argument(
        "--scenario", metavar="PACKAGE", help="the app to deploy, such as examples.guestbook; default: none"
    )
    parser.add_argument("--template", type=Path, help="the SAM template to deploy; default: the scenario's")
    parser.add_argument(
        "--runtime",
        choices=("process", "fork", "sam"),
        default="process",
        help="where functions run: in processes of this Python; in forks of one that has loaded the libraries, which "
        "start faster than on AWS; or by SAM CLI in Docker (with --host 0.0.0.0)",
    )
    parser.add_argument("--bare", action="store_true", help="deploy no template: leave that to `sam deploy`")
    parser.add_argument("--verbose", action="store_true", help="write the functions' logs to stderr")
    arguments = parser.parse_args()
    if not 0 <= arguments.port < 2**16:
        parser.error(f"there is no port {arguments.port}")
    if arguments.template and not arguments.template.is_file():
        parser.error(f"there is no template {arguments.template}")
    return arguments


def _forget_user_settings(port: int) -> None:
    """Remove the user's profile, credentials and endpoints from the environment: they are for the real AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_DEFAULT_REGION="us-east-1",
        MOTO_PORT=str(port),
    )
    for name in ("NO_PROXY", "no_proxy"):  # the stage calls itself, and its functions call it
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), HERE, "localhost"]))
    # moto warns of resource types that it does not create (see stage.cloudformation), of error codes that are not in
    # botocore's model, and of executions that fail. None of these is an error of the stage.
    warnings.filterwarnings("ignore", module="moto")
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)  # it warns of metrics that only AWS collects


if __name__ == "__main__":
    sys.exit(main())
