"""The words of the guide; each stands on its pages as a link to its sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A word and what it means here."""

    word: str
    means: str

    @property
    def anchor(self) -> str:
        """Its id on the glossary's page; the macro `ui.term` makes the same of a word."""
        return self.word.lower().replace(" ", "-")


GLOSSARY = (
    Term("batch", "Many independent items that are all there from the start: files, records, frames."),
    Term("chunk", "Items that go to a worker in one message. Large ones save messages, small ones share evenly."),
    Term("CPU-bound", "Work limited by how fast it can be computed; a faster processor would help."),
    Term("critical section", "Code that only one thread at a time may execute, because it leaves data half changed."),
    Term("daemon", "A thread or process that the program doesn’t wait for at its end; it is cut off wherever it is."),
    Term("deadlock", "Two wait for each other, each holding what the other needs. Nothing happens any more."),
    Term("efficiency", "Speed-up divided by workers: what each of them added, 100 % at best."),
    Term(
        "exit code",
        "What a process leaves behind: 0 for success, otherwise an error; below 0, the signal that ended it.",
    ),
    Term("fork", "A start method: the child begins as a copy of its parent. Quick, and unsafe beside running threads."),
    Term(
        "forkserver",
        "A start method: a clean helper process forks the children. Linux’s default from 3.14.",
    ),
    Term("future", "A receipt for a result that is still to come: you can query it, wait for it or cancel it."),
    Term(
        "GIL",
        "The global interpreter lock: only the thread that holds it runs Python code. A waiting thread releases it.",
    ),
    Term("I/O-bound", "Work that mostly waits: for a network, a disk, a database, a person."),
    Term("interpreter", "What runs Python code. One process can hold several, each with a GIL of its own."),
    Term(
        "invariant",
        "What is true whenever no change is under way: a list holds what was added and not yet removed.",
    ),
    Term("lock", "Something that only one thread can hold at a time; the others wait until it is released."),
    Term("message", "What goes from one process to another through a pipe, as bytes."),
    Term("pickling", "Turning an object into bytes and back again: how data travel between processes."),
    Term("pid", "The number by which the system identifies a process."),
    Term("plain loop", "The same calls one after the other, without a pool: what every speed-up is compared with."),
    Term("process", "A running program with a memory of its own; in Python, with an interpreter and a GIL of its own."),
    Term("process pool", "A fixed number of processes that take tasks from a queue until the pool is closed."),
    Term("race", "When the result depends on who comes first. It may be right a thousand times and wrong once."),
    Term("round", "One repetition of every setting, in shuffled order, so that a slow minute is shared by all."),
    Term("sentinel", "A value that says 'nothing more will come', such as None at the end of a queue."),
    Term("spawn", "A start method: a new interpreter that imports the program again. Slowest, and works everywhere."),
    Term("speed-up", "The plain loop's time divided by the pool's: 2 is twice as fast, below 1 is slower."),
    Term("start method", "How a process is made: by fork, forkserver or spawn."),
    Term("straggler", "The task that is still running when all others are done, while the other workers are idle."),
    Term("thread", "A line of execution inside a process; all threads of a process see the same objects."),
    Term(
        "traced",
        "Of a repetition: it records when each task began and ended, and is not one of those that are timed.",
    ),
    Term("verdict", "The answer of a run in a sentence, with its interval and its reasons."),
    Term("worker", "A thread or process of a pool, which takes one task after the other."),
)
