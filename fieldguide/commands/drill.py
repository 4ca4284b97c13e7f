"""The command `drill`: exercises of a page in a copy of its code, graded by the page's own tests."""

import json
import math
import re
import shlex
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from fieldguide import runner
from fieldguide.commands import console
from fieldguide.commands.console import examples, out
from fieldguide.guide import drills
from fieldguide.guide.drills import Drill
from fieldguide.guide.names import near
from fieldguide.guide.outputs import write_atomic
from fieldguide.guide.page import number_in
from fieldguide.guide.project import Project, Trio
from fieldguide.proof.testing import Proof, Pytest
from fieldguide.site.markdown.quiz import shuffled

LIMIT = 240.0
"""Seconds that the tests of an exercise may take."""
EXERCISE, ANSWER = "One of its exercises; without one, they are listed.", "Answer of a question: 1=b, or 2=992."


@examples("drill inference/kv-cache", "drill inference/kv-cache name-blocks", "drill … --hint", "drill … --watch")
def drill(
    name: Annotated[str, typer.Argument(help="A page, such as inference/kv-cache.")],
    exercise: Annotated[str, typer.Argument(help=EXERCISE)] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Grade at each save, until it is solved.")] = False,
    hint: Annotated[bool, typer.Option("--hint", help="Tell the next hint.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Show the solution.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Begin anew.")] = False,
    answer: Annotated[list[str] | None, typer.Option(help=ANSWER)] = None,
) -> None:
    """Do the exercises of a page in a copy of its code; its tests grade. Nothing in the checkout is touched."""
    project = console.checkout()
    trio = console.find(project, name)
    found, problems = drills.load(project, trio.page)
    if problems:
        console.report([project.breach(drills.path_of(project, trio.page), each, "drill") for each in problems])
        raise typer.Exit(1)
    desks = {drill.name: Desk(project, trio, drill) for drill in found}
    if not exercise:
        if not desks:
            console.stop(f"{trio.name} has no exercises yet.")
        console.columns([[d.drill.name, d.drill.kind, d.mine["state"], d.drill.title] for d in desks.values()])
        out.print(f"begin: python3 -m fieldguide drill {trio.name} {next(iter(desks))}")
        return
    if exercise not in desks:
        console.stop(f"{trio.name} has no exercise {exercise!r}. {near(exercise, desks)}")
    desk = desks[exercise]
    if reset:
        shutil.rmtree(desk.copy, ignore_errors=True)
        desk.keep(state="open", hints=0)
    if hint or show:
        desk.hint() if hint else desk.show()
        return
    desk.tell()
    if desk.drill.questions:
        raise typer.Exit(0 if desk.ask(dict(pair.partition("=")[::2] for pair in answer or [])) else 1)
    new = desk.begin()
    solved = not new and desk.grade()
    while watch and not solved:
        solved = desk.saved() and desk.grade()
    raise typer.Exit(0 if solved or new else 1)


def grade(project: Project, trio: Trio, drill: Drill, copy: Path) -> Proof:
    """Run the tests of an exercise on the snippets of a copy."""
    with tempfile.TemporaryDirectory(prefix="fg-drill-") as folder:
        asked = [f"--override-ini=pythonpath={shlex.quote(str(copy))}", *drills.tests(project, trio.page, drill)]
        return Pytest(
            project.root, ["-q", "-p", "no:cacheprovider", *asked], f"{folder}/report.json", limit=LIMIT
        ).finish()


class Desk:
    """One exercise as a reader has it: a copy, and how far it has come."""

    def __init__(self, project: Project, trio: Trio, drill: Drill) -> None:
        self.project, self.trio, self.drill = project, trio, drill
        self.call = f"{trio.name} {drill.name}"
        self.copy = project.root / "drills" / trio.name / drill.name
        self.states, self.all = project.root / "drills/state.json", dict[str, dict[str, Any]]()
        with suppress(OSError):
            self.all = json.loads(self.states.read_text(encoding="utf-8"))
        self.mine = self.all.setdefault(self.call, {"state": "open", "hints": 0})

    def keep(self, **values: Any) -> None:
        """Remember how far it has come."""
        self.mine |= values
        self.states.parent.mkdir(exist_ok=True)
        write_atomic(self.states, json.dumps(self.all, indent=1) + "\n")

    def tell(self) -> None:
        """The task; then the evidence, or how to go on."""
        out.print(Text.assemble((self.drill.title, "bold"), f"\n\n{self.drill.task}\n"))
        if self.drill.evidence:
            out.print(Text(drills.shown(self.project, self.trio.page, self.drill) + "\n"))
            return
        file = self.drill.place[0]
        copy, folder = self.project.relative(self.copy), self.trio.page.folder
        edit = file if self.drill.blank else ""
        stem = Path(file).stem if edit and runner.examples(self.project.snippets / folder / file) else "<file>"
        tests = drills.tests(self.project, self.trio.page, self.drill)
        console.columns([
            ["edit", f"{copy}/snippets/{folder}/{edit}"],
            ["run", f"cd {copy} && {sys.executable} -m snippets.{folder.replace('/', '.')}.{stem}"],
            ["grade", f"python3 -m fieldguide drill {self.call}, with --watch at each save; further: --hint, --show, --reset"],
            *(["" if at else "by", test] for at, test in enumerate(tests)),
        ])  # fmt: skip

    def begin(self) -> bool:
        """Make the copy with its blank or its mistake, if there is none; whether it is new."""
        if self.copy.exists():
            return False
        ignored = shutil.ignore_patterns("__pycache__", drills.FILE)
        shutil.copytree(self.project.snippets, self.copy / "snippets", ignore=ignored)
        file = self.copy / "snippets" / self.trio.page.folder / self.drill.place[0]
        file.write_text(drills.applied(self.project, self.trio.page, self.drill), encoding="utf-8")
        self.seen = self.stamps()
        return True

    def grade(self) -> bool:
        """Run the tests, and tell which fail."""
        self.seen = self.stamps()
        out.print(f"running the tests, {LIMIT:.0f} s at most …")
        proof = grade(self.project, self.trio, self.drill, self.copy)
        for breach in proof.breaches:
            out.print(Text.assemble(("✗ ", "red"), breach.message))
        return self.end(not proof.breaches)

    def end(self, solved: bool) -> bool:
        """Remember a success, unless the solution was shown."""
        if solved:
            self.keep(state="shown" if self.mine["state"] == "shown" else "solved")
            out.print(Text.assemble(("✓ ", "green"), "solved"))
        return solved

    def stamps(self) -> dict[Path, int]:
        """When each file of the copy was saved."""
        return {path: path.stat().st_mtime_ns for path in self.copy.rglob("*.py")}

    def saved(self) -> bool:
        """Wait until a file is not what was graded last: one that is saved meanwhile counts."""
        out.print("waiting for the next save; Ctrl-C ends")
        while self.stamps() == self.seen:
            time.sleep(0.3)
        return True

    def ask(self, given: dict[str, str]) -> bool:
        """Check the given answers; ask for the others where somebody sits at a terminal."""
        if unknown := sorted(set(given) - {f"{number}" for number, _ in enumerate(self.drill.questions, 1)}):
            console.stop(f"there is no question {unknown[0]!r}. An answer looks like this: --answer 1=b")
        right = []
        for number, quiz in enumerate(self.drill.questions, 1):
            marks = {letter: choice for letter, (_, choice) in zip("abcdef", shuffled(quiz), strict=False)}
            out.print(Text("\n".join([f"{number}. {quiz.question}", *(f"   {m}) {c.text}" for m, c in marks.items())])))
            said = given.get(str(number), "")
            if not said and sys.stdin.isatty():
                said = typer.prompt("   answer")
            if quiz.numeric:
                fact, found = (number_in(x or "") for x in (self.project.fact(quiz.numeric.fact, self.trio.name), said))
                near_enough = bool(found) and math.isclose(float(found), float(fact), rel_tol=quiz.numeric.tolerance)
            letters = re.findall("[a-f]", said.lower())
            right.append(near_enough if quiz.numeric else letters == [m for m, c in marks.items() if c.correct])
            why = " ".join(marks[letter].why for letter in letters if letter in marks) or (
                quiz.why if right[-1] else ""
            )
            out.print(Text(f"   {'✓ right' if right[-1] else '✗ no'}. {why}".rstrip() if said else ""))
        if len(given) < len(right) and not sys.stdin.isatty():
            answers = " ".join(f"--answer {number}=…" for number in range(1, len(right) + 1))
            out.print(f"answer all at once: python3 -m fieldguide drill {self.call} {answers}")
        return self.end(all(right))

    def hint(self) -> None:
        """The hints so far, and one more."""
        self.keep(hints=min(self.mine["hints"] + 1, len(self.drill.hints)))
        for number, text in enumerate(self.drill.hints[: self.mine["hints"]], 1):
            out.print(Text(f"{number}. {text}"))

    def show(self) -> None:
        """The solution; who has not solved it before does not solve it afterwards."""
        self.keep(state="solved" if self.mine["state"] == "solved" else "shown")
        for number, quiz in enumerate(self.drill.questions, 1):
            reasons = [f"{choice.text}: {choice.why}" for choice in quiz.answers if choice.correct]
            out.print(Text(f"{number}. {' '.join(reasons) or quiz.why}"))
        if not self.drill.questions:
            solution = drills.solution(self.project, self.trio.page, self.drill)
            out.print(Text(f"{self.drill.place[0]}\n{solution}"))
