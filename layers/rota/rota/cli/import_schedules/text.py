"""`rota import` for people. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rota.cli.columns import folded
from rota.cli.import_schedules.model import Imported, Remark, remark
from rota.cli.local_file.writer import text_of

if TYPE_CHECKING:
    from rota.cli.import_schedules.entry import Taken
    from rota.cli.import_schedules.job import NotTaken


def imported(
    taken: "Sequence[Taken]",
    not_taken: "Sequence[NotTaken]",
    parameters: Mapping[str, str],
    file: str | None,
    removes: Sequence[str] = (),
    lacks: Sequence[str] = (),
) -> Imported:
    """The answer; `removes` and `lacks`: as in Imported."""
    return Imported(
        tasks=[each.entry for each in taken],
        not_taken=[remark(*each) for each in not_taken],
        remarks=[remark(each.job.rule, words) for each in taken for words in each.remarks],
        parameters=dict(parameters),
        file=file,
        removes=tuple(removes),
        lacks=tuple(lacks),
    )


def lines(answer: Imported, prefix: str) -> Iterator[str]:
    """The schedule file, or where it is and what comes next."""
    if answer.file is None:
        yield text_of(answer.tasks, yaml=False).rstrip()
    else:
        yield f"{answer.file}: {len(answer.tasks)} {'task' if len(answer.tasks) == 1 else 'tasks'}"
        yield f"check it: rota check {answer.file}" + (f" --rule-prefix {prefix}" if prefix else "")


def tagging(taken: "Sequence[Taken]", tagged: Sequence[str], prefix: str, width: int) -> Iterator[str]:
    """What became of each rule that was to be handed over."""
    already = [each.job.rule for each in taken if each.in_place and each.job.is_owned]
    for words, names in {"handed over to Rota": tagged, "Rota's already": already}.items():
        if names:
            yield from folded(f"{words}: {', '.join(names)}", width)
    if others := [each.job.rule for each in taken if not each.in_place]:
        begin = f"begin with {prefix} and " if prefix else ""
        whose = f"of rules it changes those that {begin}start ECS tasks themselves, of schedules its own group's"
        yield from folded(f"not tagged: {', '.join(others)}; a deployment changes none of these: {whose}", width)
    if not taken:
        yield "nothing is tagged: none of these rules is taken"


def remarks(answer: Imported, width: int) -> Iterator[str]:
    """What no key says, of one rule or schedule after the other."""
    for name, value in answer.parameters.items():
        yield f"parameter of the stack: {name}={value}"
    yield from about_rules(answer.not_taken, answer.remarks, width)
    if answer.removes:
        jobs = f"the {'job' if len(answer.removes) == 1 else 'jobs'} {', '.join(answer.removes)}"
        yield from folded(
            f"A schedule file is whole: deployed as it is, this one removes {jobs} of the app. To keep what runs, add "
            "these tasks to the live schedule file instead.",
            width,
        )
    if answer.lacks:
        yield from folded(
            "AWS does not have every key of the live schedule file. With this one instead: "
            f"{'; '.join(answer.lacks)}. Copy these keys from the live schedule file.",
            width,
        )


def refused(taken: "Iterable[Taken]") -> Iterator[str]:
    """The tasks for which every deployment will be refused once their rules are handed over."""
    if named := [f"{each.entry['name']} ({', '.join(each.unsaid)})" for each in taken if each.unsaid]:
        yield f"Every deployment is refused until the schedule file says these variables: {', '.join(named)}"


def about_rules(not_taken: Sequence[Remark], remarks: Sequence[Remark], width: int) -> Iterator[str]:
    """A sentence for each, and a command on a line of its own."""
    for kind, listed in (("not taken", not_taken), ("note", remarks)):
        for each in listed:
            yield from folded(f"{kind}: {f'{each.rule} ' if each.rule else ''}{each.because}", width)
            if each.todo:
                yield f"  {each.todo}"
