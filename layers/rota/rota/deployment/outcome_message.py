"""How a deployment ended, as a message to people. Pure."""

from rota.contract.deployment import Execution, Outcome
from rota.deployment.ledger import Entry
from rota.notifications.links import execution_link
from rota.notifications.message import Message

# What a phone shows of it; a cause says the rest, also who acts.
_TITLES = {
    Outcome.DEPLOYED: "deployed",
    Outcome.NOTHING_TO_DO: "nothing to do",
    Outcome.FAILED: "the {noun} failed",
    Outcome.ABORTED: "the {noun} was aborted",
    Outcome.REFUSED: "the {noun} was refused",
    Outcome.OVERTAKEN: "overtaken by a newer push",
    Outcome.HELD: "held",
    Outcome.BARRED: "not deployed, because it was rolled back from",
    Outcome.REJECTED: "not approved",
    Outcome.DONE: "done",
}
_GOOD = {Outcome.DEPLOYED: True, Outcome.FAILED: False, Outcome.REFUSED: False}


def outcome_message(app: str, execution: Execution, entry: Entry, seconds: float) -> Message:
    """The message of a deployment's end; `seconds` is how long it took."""
    what = f"v{entry.release} is live" if entry.release else _TITLES[entry.outcome].format(noun=entry.noun)
    if entry.outcome == Outcome.DONE:
        what = entry.summary
    image = entry.image
    named = f" ({image.tag or image.digest.removeprefix('sha256:')[:12]})" if image else ""
    facts = [("Image", " ".join(filter(None, (image.tag, image.digest))))] if image else []
    facts += [("Started", str(entry.origin))] if entry.origin else []
    return Message(
        title=f"{app}: {what}{named}",
        lead=entry.cause or entry.summary,
        facts=(*facts, ("Took", f"{seconds:.0f} s")),
        links=(("Execution", execution_link(execution.id)),),
        thread=execution.id,
        kind="Rota Deployment",
        keywords=(app, str(entry.outcome)),
        good=_GOOD.get(entry.outcome),
    )
