"""The lease as a deployment that holds it enters, leaves and releases it."""

import time
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from rota.contract.deployment import Execution, Standing
from rota.contract.steps import Step
from rota.deployment.gates import Gates
from rota.deployment.lease.item import CLOCK_SKEW, LeaseItem, LeaseTable
from rota.deployment.record import DeploymentRecord, LeftRunning, RecordUpdate
from rota.errors import TransientError


class Entered(NamedTuple):
    """What an invocation meets when it enters; `others` are the deployment's invocations that may still write.

    `record` is None if the version of Rota that took the lease made none, and if the standing is LOST or DELETED.
    `again`: the step has entered before.
    """

    standing: Standing
    others: tuple[str, ...] = ()
    record: DeploymentRecord | None = None
    again: bool = False


class Lease:
    """The lease as one execution sees it: one item of the ledger table, changed by conditional writes only.

    `turn.take` takes it; everything else that the drawing names is here.
    ```
            take             enter                enter as restorer
    free ---------> held --------------> writing -----------------> shut: no other step enters
      ^               ^ leave, or its      | |                        |
      |               | time is up         | |                        |
      |               +--------------------+ |        release         |
      +--------------------------------------+------------------------+
    held -- enter as restorer --> shut
    writing, shut -- release, while another invocation may still write --> shut
    held, shut -- take by the next deployment, once the holder has ended and nothing of it may still write --> held
    deleted by hand -- enter as restorer of a deployment that had begun --> shut
    ```
    `holder` is missing in the free lease; `at_work` lists who is writing; `shut` is there in the shut. `restorer` is
    there from when it is known who restores the holder.

    AWS's rule and service calls take no fencing token, so the lease goes by time: every invocation that writes says in
    `at_work` how long its function may live, and takes that back when it leaves. While one is listed there that has not
    ended, nothing else writes: not the next deployment, not the same step once more after a lost response, not
    RestoreDeployment.
    """

    def __init__(self, table: LeaseTable) -> None:
        self.table = table
        self._has_record = False
        self._at_work: dict[str, Decimal] = {}
        self.left_running: LeftRunning | None = None
        """As the item had it when an invocation entered."""

    def enter(
        self,
        invocation: str,
        seconds: float,
        step: Step,
        facts: Mapping[str, Any],
        *,
        restorer: Execution | None = None,
        recreate: bool = False,
    ) -> Entered:
        """Say that an invocation of `step` may write for so many seconds. It may if it HOLDS the lease; one that ends
        or restores the deployment also if it is OVERTAKEN.

        The record has `facts` and the step's phase from then on. The standing is LOST if a later step has begun: the
        response of this invocation was lost, and the machine went on without it.

        `restorer` is the execution in which RestoreDeployment runs, this one or another. It shuts all other steps out,
        and nothing takes the lease over while it runs. `recreate`: creates the item again if it was deleted. That is
        safe for a deployment that has held the lease: as long as the item is missing, no other one has held it since.
        """
        end = Decimal(str(time.time() + seconds + CLOCK_SKEW.total_seconds()))
        values: dict[str, Any] = {":end": end}
        update, condition = "SET at_work.#invocation = :end", "holder = :me AND attribute_not_exists(shut)"
        if restorer:
            values[":restorer"] = restorer.id
            update, condition = f"{update}, shut = :end, restorer = :restorer", "holder = :me"
        names, note = {"#invocation": invocation}, RecordUpdate(step, facts)
        done, lease = self.table.update(
            update + note.entered(),
            f"{condition} AND {note.is_forward()}",
            {**values, **note.values},
            {**names, **note.names},
        )
        self._has_record = done
        if not done and lease and lease.holder == self.table.execution and not lease.record:
            # Taken by a version of Rota that made no record, or none that this one can read.
            done, lease = self.table.update(update, condition, values, names)
        if done and lease:
            self._at_work = {invocation: end}
            self.left_running = lease.left_running
            standing = Standing.OVERTAKEN if lease.newest > lease.holder_order else Standing.HOLDS
            others = tuple(each for each in lease.active_invocations() if each != invocation)
            again = bool(lease.record and lease.record.entered.get(step.name) != note.now)
            return Entered(standing, others, lease.record, again)
        if lease:
            return Entered(Standing.LOST)
        return self._recreate(invocation, end, restorer) if recreate and restorer else Entered(Standing.DELETED)

    def _recreate(self, invocation: str, end: Decimal, restorer: Execution) -> Entered:
        """Create the item again and enter, unless another execution has created it meanwhile."""
        done, lease = self.table.update(
            "SET holder = :me, at_work = :at_work, shut = :end, restorer = :restorer",
            "attribute_not_exists(app)",
            {":at_work": {invocation: end}, ":end": end, ":restorer": restorer.id},
        )
        if done or (lease and lease.holder == self.table.execution and invocation in lease.at_work):
            self._at_work = {invocation: end}
            return Entered(Standing.HOLDS)
        if lease and lease.holder == self.table.execution:
            raise TransientError("another invocation has just created the lease again")
        return Entered(Standing.LOST)

    def leave(
        self, invocation: str, seconds: float, step: Step, facts: Mapping[str, Any], *, waited: bool = False
    ) -> None:
        """Say that the invocation writes no more; it has worked for so many seconds, and `facts` came of it. `waited`:
        it was not its turn yet, so it did nothing.

        Nothing, if the lease was released meanwhile.
        """
        if not self._at_work:
            return
        update, condition, names = "REMOVE at_work.#invocation", "holder = :me", {"#invocation": invocation}
        note = RecordUpdate(step, facts)
        if self._has_record:
            update += note.left(seconds, waited=waited)
            names |= note.names
        self.table.update(update, condition, note.values if self._has_record else {}, names)
        self._at_work = {}

    def forget_left_running(self) -> None:
        """Say that nothing runs any more of a deployment from which the lease was taken over."""
        self.table.update("REMOVE left_running", "holder = :me")
        self.left_running = None

    def release(
        self, any_active: Callable[[Collection[str]], bool], settle: Callable[[LeaseItem], Gates] | None = None
    ) -> None:
        """Change the gates as `settle` says, then free the lease if this execution holds it. The invocation that has
        entered writes no more.

        While another one may still write, the lease stays, shut, and the next deployment takes it over in time.
        `any_active(invocations)`: whether any of these may not have ended. TransientError if the lease changes
        meanwhile.
        """
        if settle:
            self.table.change_gates(settle)
        own, self._at_work = self._at_work, {}
        done, lease = self._free(own)
        if done or not lease or lease.holder != self.table.execution:
            return
        if any_active([each for each in lease.active_invocations() if each not in own]):
            removed = "".join(f" REMOVE at_work.#own{number}" for number, _ in enumerate(own))
            names = {f"#own{number}": invocation for number, invocation in enumerate(own)}
            self.table.update(f"SET shut = :me{removed}", "holder = :me", names=names)
        elif not self._free(lease.at_work)[0]:
            raise TransientError("the lease changed while it was being released")

    def _free(self, at_work: Mapping[str, Decimal]) -> tuple[bool, LeaseItem | None]:
        update = "REMOVE holder, holder_order, digest, announced, announced_order, at_work, shut, restorer, deployment"
        return self.table.update(update, "holder = :me AND at_work = :at_work", {":at_work": at_work})
