"""Exceptions in a thread and in a process: caught inside, not caught, handed over by a queue, kept by a Future."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from poolscope.experiments.failures import case_log, endings
from poolscope.experiments.failures.case_main import CaseContext
from poolscope.experiments.failures.payloads import CaseEnding, FaultMade, PoolUsable, WorkerExited, WorkerFramesShown

ITEMS = (1, 2, 0, 4)


def divide(item: int) -> float:
    """The worker's task, from the user's own program."""
    if item == 0:
        case_log.note(FaultMade(case_log.me()))
        raise ValueError("Cannot process 0")
    return 10 / item


def task(item: int) -> str:
    return f"10 / {item}"


def settle(done: dict[int, float]) -> None:
    """Say which results somebody has, and which tasks have none."""
    case_log.kept(f"{task(item)} = {done[item]:g}" for item in ITEMS if item in done)
    case_log.lost(task(item) for item in ITEMS if item not in done)


def thread_caught(context: CaseContext) -> None:
    done: dict[int, float] = {}
    caught: list[BaseException] = []

    def worker() -> None:
        with case_log.doing("worker", what="thread"):
            for item in ITEMS:
                try:
                    done[item] = divide(item)
                except ValueError as error:
                    caught.append(error)
                    at = case_log.moment(f"{error!r} caught in the worker, which goes on", "failed", "worker")
                    case_log.surfaced(error, "the worker thread itself", task(item), at)

    raised = joined(threading.Thread(target=worker, name="worker", daemon=True), context.limit)
    settle(done)
    handled(caught, raised, "thread")


def handled(caught: list[BaseException], raised: bool, what: str) -> None:
    if caught and not raised:
        case_log.outcome(CaseEnding.HANDLED, endings.caught_inside(what, caught[0]))
    else:
        case_log.outcome(
            CaseEnding.RAISED if raised else CaseEnding.NOTHING_FAILED,
            endings.not_caught(len(caught), raised),
        )


def joined(worker: Any, limit: float) -> bool:
    """Start it and wait for it in the main thread; whether that raised."""
    case_log.moment(f"main starts {worker.name} and waits in join()")
    with case_log.doing("main", "blocked", what="thread"):
        worker.start()
        try:
            worker.join(limit * 20)
        except Exception as error:
            case_log.surfaced(error, "join() in the main thread")
            return True
    case_log.moment("join() returns, and raises nothing", "done")
    return False


def thread_uncaught(context: CaseContext) -> None:
    done: dict[int, float] = {}
    seen: list[str] = []
    default = threading.excepthook

    def hook(args: Any) -> None:
        seen.append(args.exc_type.__name__)
        at = case_log.moment(
            f"threading.excepthook gets {args.exc_type.__name__} and prints it to stderr", "failed", "worker"
        )
        case_log.surfaced(args.exc_value, "threading.excepthook, on stderr", at=at)
        default(args)

    def worker() -> None:
        with case_log.doing("worker", what="thread"):
            for item in ITEMS:
                done[item] = divide(item)

    threading.excepthook = hook
    try:
        raised = joined(threading.Thread(target=worker, name="worker", daemon=True), context.limit)
    finally:
        threading.excepthook = default
    settle(done)
    if seen and not raised:
        case_log.outcome(CaseEnding.SILENT, endings.HOOK_ONLY)
    else:
        case_log.outcome(CaseEnding.RAISED if raised else CaseEnding.NOTHING_FAILED, endings.hook_called(len(seen)))


def thread_queue(context: CaseContext) -> None:
    errors: queue.Queue[BaseException] = queue.Queue()
    done: dict[int, float] = {}

    def worker() -> None:
        with case_log.doing("worker", what="thread"):
            for item in ITEMS:
                try:
                    done[item] = divide(item)
                except Exception as error:
                    case_log.moment(f"the worker puts {error!r} into the queue and ends", "failed", "worker")
                    errors.put(error)
                    return

    joined(threading.Thread(target=worker, name="worker", daemon=True), context.limit)
    settle(done)
    raise_again(lambda: errors.get(timeout=context.limit), "divide")


def raise_again(get: Callable[[], BaseException], frame: str) -> None:
    """Raise in the main thread what a worker handed over, and see whether its traceback came along."""
    try:
        raise get()
    except queue.Empty:
        case_log.outcome(CaseEnding.SILENT, endings.NOTHING_HANDED_OVER)
    except Exception as error:
        stamp = case_log.moment(f"main raises {error!r} again", "failed")
        case_log.surfaced(error, "the main thread", at=stamp)
        frames, at = [], error.__traceback__
        while at is not None:
            frames.append(at.tb_frame.f_code.co_name)
            at = at.tb_next
        case_log.note(WorkerFramesShown(frame in frames))

        case_log.outcome(CaseEnding.RAISED, endings.raised_again(type(error).__name__, frame in frames))


def thread_future(context: CaseContext) -> None:
    done: dict[int, float] = {}
    failed = ""
    with ThreadPoolExecutor(2, thread_name_prefix="worker") as executor:
        futures = {item: executor.submit(in_thread, item) for item in ITEMS}
        case_log.moment("four tasks submitted to ThreadPoolExecutor(2)")
        for item, future in futures.items():
            try:
                with case_log.doing("main", "blocked", task(item), what="thread"):
                    done[item] = future.result(context.limit * 20)
            except ValueError as error:
                failed = repr(error)
                at = case_log.moment(f"result() of {task(item)} raises {error!r}", "failed")
                case_log.surfaced(error, "Future.result() in the main thread", task(item), at)
        usable = executor.submit(divide, 5).result(context.limit * 20) == 2
    settle(done)
    case_log.note(PoolUsable(usable))

    case_log.outcome(CaseEnding.RAISED if failed else CaseEnding.NOTHING_FAILED, endings.result_raised(failed, usable))


def in_thread(item: int) -> float:
    with case_log.doing(threading.current_thread().name, item=task(item), what="thread"):
        return divide(item)


def in_process(how: str, results: Any, errors: Any) -> None:
    """What the worker process does: all items, with the exception caught, not caught, or handed over."""
    with case_log.doing(case_log.me()):
        for item in ITEMS:
            try:
                results.put((item, divide(item)))
            except ValueError as error:
                if how == "uncaught":
                    case_log.moment(f"{error!r} leaves the worker's function", "failed", case_log.me())
                    raise
                at = case_log.moment(f"{error!r} is caught in the worker", "failed", case_log.me())
                if how == "queue":
                    errors.put(error)
                    return
                case_log.surfaced(error, "the worker process itself", task(item), at)


def process(how: str, context: CaseContext) -> tuple[int | None, dict[int, float], Any]:
    """Start it, drain its results, join it: (exit code, results, the queue of errors)."""
    results: Any = multiprocessing.SimpleQueue()
    errors: Any = multiprocessing.Queue()
    worker = multiprocessing.Process(target=in_process, args=(how, results, errors), name="worker", daemon=True)
    joined(worker, context.limit)
    done: dict[int, float] = {}
    while not results.empty():
        item, value = results.get()
        done[item] = value
    case_log.moment(f"exit code {worker.exitcode}", "failed" if worker.exitcode else "done")
    settle(done)
    results.close()
    return worker.exitcode, done, errors


def process_caught(context: CaseContext) -> None:
    code, done, errors = process("caught", context)
    errors.close()
    case_log.note(WorkerExited(code))
    ending = CaseEnding.HANDLED if code == 0 and len(done) == len(ITEMS) - 1 else CaseEnding.SILENT
    case_log.outcome(ending, endings.process_went_on(code, len(done)))


def process_uncaught(context: CaseContext) -> None:
    code, _, errors = process("uncaught", context)
    errors.close()
    case_log.note(WorkerExited(code))
    trace = context.stderr[context.stderr.find("Traceback") :] if "Traceback" in context.stderr else context.stderr
    last = trace.strip().splitlines()[-1] if trace.strip() else ""
    kind, _, message = last.partition(": ")  # of the dead process nothing else is left
    if code:
        case_log.surfaced_as(kind, message, trace, "its own stderr and exit code")
        case_log.outcome(CaseEnding.SILENT, endings.process_left_traces(code, kind))
    else:
        case_log.outcome(CaseEnding.NOTHING_FAILED, endings.process_exited(code))


def process_queue(context: CaseContext) -> None:
    _, _, errors = process("queue", context)
    raise_again(lambda: errors.get(timeout=context.limit * 20), "divide")
    errors.close()
    errors.join_thread()
