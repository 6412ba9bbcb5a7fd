"""ECS tasks: RunTask and StopTask, a process for each task, its log and its state-change events.

docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html. One container of a task has a
process: the one with the app's image. It runs in the app's directory on this machine, isolated as a process is. CPU,
memory, roles and network are shown, not enforced.

By the setting `tasks` a task has no process, and ends as `stage.ecs.script` says.

A task is PROVISIONING, PENDING, RUNNING, DEPROVISIONING and STOPPED; one that cannot start is never RUNNING. Each
change has an event, whose version is one higher than the last one's.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException
from moto.ecs.exceptions import ECSException, InvalidParameterException
from moto.ecs.models import Task
from moto.moto_api import state_manager

from stage import clock
from stage.ecs.api import Operation, Publish, backend, timestamp, usable_revision
from stage.ecs.containers import CannotStartError, Launch, choose, host_environment, prepare
from stage.ecs.placement import REFUSALS, as_created, attach, complete, place, release, run_task_answer, update
from stage.ecs.revisions import document
from stage.ecs.script import EXITED, TERMINATED, Outcome, outcome
from stage.ecs.timer import Timer
from stage.gateway.calls import Call, Reply
from stage.logs import streams
from stage.moto.clients import client
from stage.settings import Settings

LONGEST_RUN = 60.0
"""Real seconds after which the stage stops a task's process."""
STOP_TIMEOUT = 30.0  # docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html: stopTimeout
TOKEN_KNOWN = timedelta(hours=24)
IN_USE = (
    "The provided clientToken is already in use with a different RunTask request. The resourceIds are the existing "
    "task ARNs which are already associated with the clientToken."
)
"""docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html: ConflictException"""
REMEMBERED = timedelta(hours=1)
"""Stopped tasks "appear in the returned results for at least one hour": API_DescribeTasks.html."""
# Fargate tasks were seen to pull 18 seconds after their creation, to run after 25, to be STOPPED 23 after their end.
PULL, RELEASE = 18 / 25, 23 / 25
"""When a task pulls its image, and how long its network interface is deleted for: parts of `start_seconds`."""

_CONTAINERS = {
    "PROVISIONING": "PENDING",
    "PENDING": "PENDING",
    "RUNNING": "RUNNING",
    "DEPROVISIONING": "STOPPED",
    "STOPPED": "STOPPED",
}
"""The state of a task's containers, by the task's, in the order of its life."""
# Of ListTasks, beside startedBy.
_OTHER_FILTERS = {"containerInstance", "desiredStatus", "family", "launchType", "serviceName"}
_OVER = ("ends", "ended")
_BY_A_USER = ("UserInitiated", "Task stopped by user")


@dataclass
class Run:
    """One task and its process."""

    task: Task
    definition: dict[str, Any]
    containers: list[dict[str, Any]]
    outcome: Outcome | None = None
    """How it ends if it is scripted; else a process decides."""
    launch: Launch | None = None
    output: list[str] = field(default_factory=list)
    exit_code: int | None = None
    stop: tuple[str, str] | None = None
    """stopCode and stoppedReason, if it was stopped from outside."""
    process: subprocess.Popen[str] | None = None
    phase: Literal["waits", "starts", "ends", "ended"] = "waits"
    """`waits` until its process is started, `ends` once that has ended, `ended` once it is STOPPED."""
    limits: list[threading.Timer] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    done: threading.Event = field(default_factory=threading.Event)

    def describe(self) -> dict[str, Any]:
        """The task for a reader: definition, command, image, exit code, output, log stream."""
        return {
            "task_arn": self.task.task_arn,
            "task_definition": self.task.task_definition_arn,
            "command": self.launch and self.launch.command,
            "image": self.launch and self.launch.image,
            "exit_code": self.exit_code,
            "stopped_reason": self.task.stopped_reason,
            "output": "".join(f"{line}\n" for line in self.output),
            "log_group": self.launch and self.launch.log_group,
            "log_stream": self.launch and self.launch.log_stream,
        }


@dataclass(frozen=True)
class Started:
    """What RunTask has answered to a request with a client token, and when."""

    request: str
    """As JSON."""
    answer: dict[str, Any]
    at: datetime


class Tasks:
    """The tasks of the stage. Containers of `repository` run in `directory`."""

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        repository: str,
        timer: Timer,
        publish: Publish,
        lock: threading.RLock,
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._repository = repository
        self._timer = timer
        self._emit = publish
        self._lock = lock
        # Held while a task is changed or shown, and never while anything else is called: who reads sees whole changes.
        self._changing = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._by_token: dict[str, Started] = {}
        self._resetting = False
        self._scripted = 0
        self._data = Path(tempfile.mkdtemp(prefix="stage-data-"))
        # moto advances a task whenever it is described; here its process does.
        state_manager.set_transition("ecs::task", {"progression": "manual", "times": sys.maxsize})

    def operations(self) -> dict[str, Operation]:
        """The operations that the stage answers instead of moto."""
        return {
            "RunTask": self.run_task,
            "StopTask": self.stop_task,
            "DescribeTasks": self.describe_tasks,
            "ListTasks": self.list_tasks,
            "DeleteCluster": self.delete_cluster,
        }

    def running(self) -> list[str]:
        """The ARNs of the tasks that have not ended."""
        return [run.task.task_arn for run in list(self._runs.values()) if not run.done.is_set()]

    def reset(self) -> None:
        """Kill all tasks, wait for their end, and empty their data directory."""
        self._resetting = True
        for run in list(self._runs.values()):
            self._stop(run, signal.SIGKILL, "TerminationNotice", "The stage was reset.")
            if run.phase == "ends":  # the timer may have dropped its last change
                self._stopped(run)
        for run in list(self._runs.values()):
            run.done.wait(STOP_TIMEOUT)
        self._resetting = False
        self._runs.clear()
        self._by_token.clear()
        shutil.rmtree(self._data)
        self._data.mkdir()

    def close(self) -> None:
        """Kill all tasks and remove their data directory."""
        self.reset()
        self._data.rmdir()

    def run_task(self, call: Call) -> Reply:
        """RunTask: returns the tasks before they start. A client token starts nothing twice within a day, or an
        hour after its tasks have ended if that is sooner.

        docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
        """
        token, given = str(call.params.get("clientToken", "")), json.dumps(call.params, sort_keys=True)
        if known := self._known(token):
            if known.request != given:
                raise ECSException("ConflictException", IN_USE)
            return Reply.result(call, known.answer)
        runs = self._place(call.params)
        if not runs:
            return Reply.result(call, run_task_answer([]))
        tasks = client("ecs").describe_tasks(
            cluster=runs[0].task.cluster_arn, tasks=[run.task.task_arn for run in runs], include=["TAGS"]
        )
        self._begin(runs)
        answer = run_task_answer([as_created(task) for task in tasks["tasks"]])
        if token:
            self._by_token[token] = Started(given, answer, clock.now())
        return Reply.result(call, answer)

    def _known(self, token: str) -> "Started | None":
        self._forget()
        since = clock.now() - TOKEN_KNOWN
        self._by_token = {
            each: started
            for each, started in self._by_token.items()
            if started.at > since
            and any(task["taskArn"].rpartition("/")[2] in self._runs for task in started.answer["tasks"])
        }
        return self._by_token.get(token)

    def stop_task(self, call: Call) -> Reply:
        """StopTask: SIGTERM, and SIGKILL after the default stopTimeout. A task without a container yet just ends."""
        request = call.params
        run = self._runs.get(str(request.get("task", "")).rpartition("/")[2])
        if run is None or run.task.cluster_arn != backend()._get_cluster(str(request.get("cluster", "default"))).arn:
            raise InvalidParameterException("The referenced task was not found.")
        run.task.tags = []  # API_StopTask.html: "any tags associated with the task are deleted"
        code, reason = _BY_A_USER
        self._stop(run, signal.SIGTERM, code, request.get("reason") or reason)
        if run.process:
            _in_real_time(run, STOP_TIMEOUT, lambda: self._stop(run, signal.SIGKILL, *_BY_A_USER))
        tasks = client("ecs").describe_tasks(cluster=run.task.cluster_arn, tasks=[run.task.task_arn])
        return Reply.result(call, {"task": tasks["tasks"][0]})

    def describe_tasks(self, call: Call) -> Reply:
        """DescribeTasks: tasks that there are not, or no longer, are `failures`."""
        self._forget()
        request = {member: value for member, value in call.params.items() if member in ("cluster", "tasks", "include")}
        try:
            with self._changing:
                found = client("ecs").describe_tasks(**request)["tasks"]
        except ClientError as refusal:
            raise ServiceException(refusal.response["Error"]["Code"], refusal.response["Error"]["Message"]) from refusal
        ids = {task["taskArn"].rpartition("/")[2] for task in found}
        cluster = backend()._get_cluster(request.get("cluster", "default"))
        missing = [task for task in request["tasks"] if task.rpartition("/")[2] not in ids]
        failures = [
            {
                "arn": task if task.startswith("arn:") else f"{cluster.arn.replace(':cluster/', ':task/')}/{task}",
                "reason": "MISSING",
            }
            for task in missing
        ]
        return Reply.result(call, {"tasks": found, "failures": failures})

    def list_tasks(self, call: Call) -> Reply:
        """ListTasks, without the tasks that ECS has forgotten. moto takes a part of a cluster's name for the name.

        docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html: by default those that should run; and
        startedBy "must be the only filter", whose refusal has no documented words.
        """
        self._forget()
        request = call.params
        if request.get("startedBy") and request.keys() & _OTHER_FILTERS:
            raise InvalidParameterException("startedBy must be the only filter.")
        cluster = backend()._get_cluster(str(request.get("cluster", "default")))
        tasks = backend().list_tasks(
            cluster.name,
            family=request.get("family"),
            started_by=request.get("startedBy"),
            desiredStatus=request.get("desiredStatus", "RUNNING"),
        )
        service = str(request.get("serviceName", "")).rpartition("/")[2]
        arns = [
            each.task_arn
            for each in tasks
            if each.cluster_arn == cluster.arn and (not service or each.group == f"service:{service}")
        ]
        return Reply.result(call, {"taskArns": arns})

    def delete_cluster(self, call: Call) -> None:
        """DeleteCluster is moto's, but not while the cluster has services or tasks.

        docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html
        """
        cluster = backend()._get_cluster(str(call.params.get("cluster", "default")))
        if any(each.cluster_arn == cluster.arn and each.status != "INACTIVE" for each in backend().services.values()):
            words = "The Cluster cannot be deleted while Services are active."
            raise ECSException("ClusterContainsServicesException", words)
        if any(run.task.cluster_arn == cluster.arn and not run.done.is_set() for run in self._runs.values()):
            raise ECSException("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")

    def _forget(self) -> None:
        now = clock.now()
        for tasks in backend().tasks.values():
            for arn, task in list(tasks.items()):
                stopped: datetime | None = vars(task).get("stopped_at")
                if stopped and now - stopped > REMEMBERED:
                    del tasks[arn]
                    self._runs.pop(task.id, None)

    def run(self, request: dict[str, Any]) -> list[Run]:
        """Start the tasks of a RunTask request. Returns none when there is no capacity, which is no error.

        Raises AccessDeniedException and ThrottlingException by the setting `run_task`, else
        ClusterNotFoundException, ClientException (no such revision) and InvalidParameterException (an INACTIVE
        revision, an invalid count or network).
        """
        runs = self._place(request)
        self._begin(runs)
        return runs

    def _place(self, request: dict[str, Any]) -> list[Run]:
        if refusal := REFUSALS.get(self._settings.run_task):
            raise ServiceException(*refusal)
        with self._lock:
            definition = usable_revision(str(request.get("taskDefinition")), InvalidParameterException)
            if self._settings.run_task == "capacity":
                return []
            runs = [
                Run(task, document(definition), complete(task, document(definition), request))
                for task in place(definition, request)
            ]
            for run in runs:
                self._runs[run.task.id] = run
                if self._settings.tasks == "scripted":
                    self._scripted += 1
                    run.outcome = outcome(self._settings.script, self._scripted)
        return runs

    def _begin(self, runs: list[Run]) -> None:
        for run in runs:
            self._publish(run, self._described(run))
            self._timer.after(PULL * self._settings.start_seconds, partial(self._pull, run))

    def _pull(self, run: Run) -> None:
        if run.phase == "waits":
            attach(run.task)
            self._change(run, "PENDING", connectivity="CONNECTED", connectivityAt=clock.now())
            pulled = clock.now()
            self._timer.after((1 - PULL) * self._settings.start_seconds, lambda: self._launch(run, pulled))

    def _launch(self, run: Run, pulled: datetime) -> None:
        with run.lock:
            if run.phase != "waits":
                return
            run.phase = "starts"
        if run.outcome:
            self._play(run, run.outcome, pulled)
            return
        args, name = (run, pulled), f"task-{run.task.id}"
        threading.Thread(target=self._run_to_end, args=args, name=name, daemon=True).start()

    def _play(self, run: Run, outcome: Outcome, pulled: datetime) -> None:
        """Let a task that has no process be RUNNING for its time."""
        container = self._container(run)
        run.launch = Launch(container["name"], container["image"], container.get("command", []), {}, None, None)
        if outcome.exit_code is None:
            self._end(run, *outcome.stop)
            return
        now = clock.now()
        self._change(run, "RUNNING", pullStartedAt=pulled, pullStoppedAt=now, startedAt=now)
        if outcome.warning is not None:
            self._timer.after(outcome.seconds, lambda: self._warn(run, *outcome.stop))
        self._timer.after(outcome.seconds + (outcome.warning or 0), lambda: self._exit(run, outcome))

    def _container(self, run: Run) -> dict[str, Any]:
        """The container that decides how a scripted task ends: the app's, or else the first essential one."""
        containers: list[dict[str, Any]] = run.definition["containerDefinitions"]
        try:
            return choose(containers, self._repository)
        except CannotStartError:
            return next((each for each in containers if each.get("essential", True)), containers[0])

    def _exit(self, run: Run, outcome: Outcome) -> None:
        with run.lock:
            if run.phase in _OVER:
                return
            run.exit_code = outcome.exit_code
            for container in run.containers:
                if outcome.container_reason and run.launch and container["name"] == run.launch.container:
                    container["reason"] = outcome.container_reason
        self._end(run, *(run.stop or outcome.stop))

    def _run_to_end(self, run: Run, pulled: datetime) -> None:
        """Run a task's process from start to end, in a thread of its own."""
        try:
            self._start(run, pulled)
        except CannotStartError as reason:
            self._end(run, "TaskFailedToStart", str(reason))
        else:
            self._follow(run)
            self._end(run, *(run.stop or EXITED))

    def _start(self, run: Run, pulled: datetime) -> None:
        container = choose(run.definition["containerDefinitions"], self._repository)
        overrides = run.task.overrides.get("containerOverrides", [])
        override: dict[str, Any] = next((each for each in overrides if each.get("name") == container["name"]), {})
        run.launch = prepare(container, override, run.task.id)
        host = host_environment(self._data)
        try:
            run.process = subprocess.Popen(
                run.launch.command,
                cwd=self._directory,
                env={**host, **run.launch.environment, "DATA_DIR": host["DATA_DIR"]},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as reason:
            raise CannotStartError(f"CannotStartContainerError: {reason}") from reason
        if run.stop:  # stopped while it was being started
            _kill(run.process, signal.SIGKILL)
        too_long = f"The stage stops a task after {LONGEST_RUN:.0f} seconds."
        _in_real_time(run, LONGEST_RUN, lambda: self._stop(run, signal.SIGKILL, "TerminationNotice", too_long))
        now = clock.now()
        self._change(run, "RUNNING", pullStartedAt=pulled, pullStoppedAt=now, startedAt=now)

    def _follow(self, run: Run) -> None:
        """Log the process's output line by line and wait for its end."""
        assert run.process and run.process.stdout and run.launch  # noqa: S101 - it was started
        with run.process as process:
            for line in run.process.stdout:
                run.output.append(line.rstrip("\n"))
                if run.launch.log_group and run.launch.log_stream:
                    streams.append(run.launch.log_group, run.launch.log_stream, run.output[-1])
            code = process.wait()
        for limit in run.limits:
            limit.cancel()
        run.exit_code = code if code >= 0 else 128 - code  # how a shell and Docker report a signal

    def _end(self, run: Run, code: str, reason: str) -> None:
        """The process has ended, or there will be none: the network interface is deleted, then the task is STOPPED."""
        with run.lock:
            if run.phase in _OVER:
                return
            run.phase = "ends"
        run.task.desired_status = "STOPPED"
        now = clock.now()
        members: dict[str, object] = {"stopCode": code, "stoppedReason": reason}
        if not run.stop:
            members["stoppingAt"] = now
        if run.exit_code is not None or code == "TaskFailedToStart":
            members["executionStoppedAt"] = now.replace(microsecond=0)
        if not self._settings.start_seconds or self._resetting:
            self._change(run, "DEPROVISIONING", **members)
            self._stopped(run)
            return
        with run.lock:  # who sees DEPROVISIONING and advances the clock meets STOPPED, in this order
            self._timer.after(RELEASE * self._settings.start_seconds, lambda: self._stopped(run))
            self._change(run, "DEPROVISIONING", **members)

    def _stopped(self, run: Run) -> None:
        with run.lock:
            if run.phase == "ended":
                return
            run.phase = "ended"
        release(run.task)
        self._change(run, "STOPPED", stoppedAt=clock.now())
        run.done.set()
        self._timer.notify()

    def _stop(self, run: Run, number: signal.Signals, code: str, reason: str) -> None:
        """Stop a task from outside."""
        if not self._warn(run, code, reason):
            return
        if run.process:
            _kill(run.process, number)
        elif run.phase == "waits":
            self._end(run, code, reason)
        elif run.outcome:
            self._exit(run, Outcome(0, TERMINATED))

    def _warn(self, run: Run, code: str, reason: str) -> bool:
        """A task will be stopped: the event of that has the state that the task is in. False if it has ended."""
        with run.lock:
            if run.phase in _OVER:
                return False
            first, run.stop = run.stop is None, run.stop or (code, reason)
            run.task.desired_status, status = "STOPPED", run.task.last_status
        if first:
            stopping = {"stopCode": code, "stoppedReason": reason, "stoppingAt": clock.now()}
            self._change(run, status, **stopping)
        return True

    def _change(self, run: Run, status: str, **members: object) -> None:
        """Set the task's status and publish an event, whose version is one higher than the last one's.

        A task never goes back: what another thread has ended meanwhile stays as it is.
        """
        order = list(_CONTAINERS)
        with run.lock:
            if order.index(status) < order.index(run.task.last_status):
                return
            with self._changing:
                run.task.last_status = status
                update(run.task, version=vars(run.task)["version"] + 1, **members)
                for container in run.containers:
                    container["lastStatus"] = _CONTAINERS[status]
                    if run.launch and container["name"] == run.launch.container and run.exit_code is not None:
                        container["exitCode"] = run.exit_code
            described = self._described(run)
        self._publish(run, described)
        self._timer.notify()

    def _described(self, run: Run) -> dict[str, Any]:
        """The task as its event has it: with no tags, and with times as text."""
        described = client("ecs").describe_tasks(cluster=run.task.cluster_arn, tasks=[run.task.task_arn])["tasks"][0]
        described.pop("platformFamily", None)
        if described["lastStatus"] == "PROVISIONING":
            described = as_created(described)
        return _jsonable({**described, "updatedAt": clock.now()})

    def _publish(self, run: Run, described: dict[str, Any]) -> None:
        self._emit("ECS Task State Change", [run.task.task_arn], described)


def _in_real_time(run: Run, seconds: float, action: Callable[[], object]) -> None:
    """Call `action` after so many seconds, unless the process ends before; it does not see the stage's clock."""
    limit = threading.Timer(seconds, action)
    limit.daemon = True
    run.limits.append(limit)
    limit.start()


def _kill(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to the process and its children, which have a session of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _jsonable(described: dict[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(json.dumps(described, default=timestamp))
    return written
