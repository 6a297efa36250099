"""Notes beside a verdict as sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from socklat_gate.measured.facts import TEXT, Lack, Note, NoteCode, Scalar, Shortfall
from socklat_gate.wording import units
from socklat_gate.wording.baseline_notes import BASELINE_WRITERS
from socklat_gate.wording.changes import plural
from socklat_gate.wording.containers_note import containers_note
from socklat_gate.wording.cpu_notes import own_cpus_note, shared_cpus_note
from socklat_gate.wording.fact_numbers import count_of, number_of
from socklat_gate.wording.mechanism_text import stops_not_named_note
from socklat_gate.wording.metric_names import metric_phrase, request_in
from socklat_gate.wording.shared_facts import (
    exposure_text,
    overlap_text,
    shortfall_text,
    spikes_text,
)
from socklat_gate.wording.stand_in_text import (
    defaults_left_out_note,
    requests_left_out_note,
    requests_not_measured_note,
    stand_in_note,
)
from socklat_gate.wording.stream_text import stages_not_measured_note
from socklat_gate.wording.watch_note import watch_replicas_note

__all__ = ["note_text"]

Numbers = Mapping[str, Scalar]


def note_text(note: Note | None) -> str:
    """The note as a sentence, "" for None."""
    if note is None:
        return ""
    kept = note.numbers.get(TEXT)
    if isinstance(kept, str):
        return kept
    write = _WRITERS.get(note.code)
    return write(note.subject, note.numbers) if write else note.code.value.replace("_", " ")


def _steal(_subject: str, numbers: Numbers) -> str:
    share, limit = number_of(numbers, "share"), number_of(numbers, "limit")
    return f"the hypervisor took {units.share(share)} of the CPU time (limit {units.share(limit)})"


def _frozen(subject: str, numbers: Numbers) -> str:
    name = numbers.get("container")
    container = f"container {name} of the {subject}" if name else f"the {subject}'s container"
    return (
        f"{container} was frozen for {number_of(numbers, 'frozen_s'):.1f} s (docker pause, or "
        "whoever else froze its cgroup)"
    )


def _late_driver(_subject: str, numbers: Numbers) -> str:
    return (
        f"the load driver woke up {number_of(numbers, 'late_ms'):.1f} ms late (p99), "
        f"more than load.max_late_ms = {number_of(numbers, 'limit_ms'):g}"
    )


def _missed_invocations(subject: str, numbers: Numbers) -> str:
    total = plural(count_of(numbers, "invocations"), "invocation")
    seen = count_of(numbers, "exchanges")
    return f"the kernel missed {total} of the probe ({subject}), and {seen} exchanges were seen"


def _stalls_lost(_subject: str, numbers: Numbers) -> str:
    return (
        f"{count_of(numbers, 'stalls')} of the machine's stalls found no room in the probe's ring"
    )


def _too_few_undisturbed(subject: str, numbers: Numbers) -> str:
    return (
        f"the CPUs were taken away too often: {number_of(numbers, 'exchanges'):.0f} undisturbed "
        f"exchanges beyond {metric_phrase(subject)} in {number_of(numbers, 'length_s'):.1f} s, "
        f"where {count_of(numbers, 'needed')} are needed (about "
        f"{number_of(numbers, 'needed_s'):.0f} s at this rate; load.max_duration_s)"
    )


def _rate_found(subject: str, numbers: Numbers) -> str:
    rate = f"load.rate: {units.per_second(number_of(numbers, 'rate'))} and arm"
    if subject == "stored":
        return f"{rate}, as the stored campaigns have it"
    capacity = f"the baseline carries about {units.per_second(number_of(numbers, 'capacity'))}"
    bound = "so that the CPUs stay below 40%" if subject == "cpus" else "40% of that"
    return f"{rate}, found from the baseline: {capacity}; {bound}"


def _of_pairs(text: str) -> Callable[[str, Numbers], str]:
    """A note on pairs: ``subject`` lists the first of them, ``pairs`` is their number."""

    def write(subject: str, numbers: Numbers) -> str:
        listed = [index for index in subject.split(", ") if index]
        more = count_of(numbers, "pairs") - len(listed)
        pairs = f"pair{'s' if more + len(listed) > 1 else ''} {subject}"
        return f"{text} in {pairs}" + (f" and {more} more" if more > 0 else "")

    return write


def _arms_differ(subject: str, numbers: Numbers) -> str:
    change = units.change(number_of(numbers, "change"))
    return (
        f"{metric_phrase(subject)} of the second arm differs by {change} "
        f"though both arms are the same (p = {number_of(numbers, 'p'):.2g})"
    )


def _false_alarm(subject: str, numbers: Numbers) -> str:
    low, high = number_of(numbers, "ci_low"), number_of(numbers, "ci_high")
    return (
        f"the pairs in the order measured raise a false alarm: {metric_phrase(subject)} changed by "
        f"{units.change(number_of(numbers, 'change'))} (interval "
        f"{units.interval(low, high)}); tolerance {units.change(number_of(numbers, 'tolerance'))}"
    )


def _not_judged(subject: str, numbers: Numbers) -> str:
    lacks = [lack for lack in Lack if lack.value == numbers.get("lack")]
    quantile = numbers.get("quantile")
    shortfall = Shortfall(
        lacks[0] if lacks else Lack.STAGE,
        pair=count_of(numbers, "pair"),
        arm="baseline" if numbers.get("arm") == "baseline" else "candidate",
        exceeding=number_of(numbers, "exceeding"),
        exchanges=count_of(numbers, "exchanges"),
        needed=count_of(numbers, "needed"),
    )
    share = float(quantile) if isinstance(quantile, (int, float)) else None
    text = shortfall_text(shortfall, str(numbers.get("stage") or subject), share)
    more = count_of(numbers, "more")
    return f"{metric_phrase(subject)} cannot be judged: {text}" + (
        f"; and {more} more" if more else ""
    )


def _calibration(_subject: str, numbers: Numbers) -> str:
    pairs, most = (plural(count_of(numbers, name), "pair") for name in ("pairs", "max_pairs"))
    text = (
        f"calibrated here on {numbers.get('date')} with {pairs} of the same image: "
        f"{count_of(numbers, 'false_alarms')} of {count_of(numbers, 'jobs')} resampled jobs of up "
        f"to {most} raised a false alarm (rate at most "
        f"{units.share(number_of(numbers, 'false_alarm_limit'))}, as far as so few pairs show)"
    )
    if numbers.get("minutes_to_verdict") is not None:
        minutes = number_of(numbers, "minutes_to_verdict")
        text += f", half of them were decided within {minutes:.1f} min"
    detected = [
        f"{name.removeprefix(MDE)} {units.change(number_of(numbers, name))}"
        for name in numbers
        if name.startswith(MDE) and not request_in(name.removeprefix(MDE))
    ]
    if detected:
        text += f"; a 5-minute job detects, with 80% power, {', '.join(detected)}"
    problems = count_of(numbers, "problems")
    return text + (f"; {plural(problems, 'problem')} found" if problems else "")


def _other_gate(_subject: str, numbers: Numbers) -> str:
    return (
        f"this runner was calibrated on {numbers.get('date')} with other settings of [gate], which "
        "do not hold for these: run socklat-gate calibrate again"
    )


def _not_calibrated(_subject: str, _numbers: Numbers) -> str:
    return (
        "Not calibrated on this runner: false-alarm rate and MDE unknown. "
        "Run socklat-gate calibrate."
    )


MDE = "mde."

_WRITERS: Mapping[NoteCode, Callable[[str, Numbers], str]] = {
    NoteCode.STAND_IN: stand_in_note,
    NoteCode.DEFAULTS_LEFT_OUT: defaults_left_out_note,
    NoteCode.RATE_FOUND: _rate_found,
    NoteCode.CONTAINERS: containers_note,
    NoteCode.WATCH_REPLICAS: watch_replicas_note,
    NoteCode.REQUESTS_LEFT_OUT: requests_left_out_note,
    NoteCode.REQUESTS_NOT_MEASURED: requests_not_measured_note,
    NoteCode.STAGES_NOT_MEASURED: stages_not_measured_note,
    NoteCode.STEAL: _steal,
    NoteCode.FROZEN: _frozen,
    NoteCode.LATE_DRIVER: _late_driver,
    NoteCode.MISSED_INVOCATIONS: _missed_invocations,
    NoteCode.STALLS_LOST: _stalls_lost,
    NoteCode.TOO_FEW_UNDISTURBED: _too_few_undisturbed,
    NoteCode.OWN_CPUS: own_cpus_note,
    NoteCode.SHARED_CPUS: shared_cpus_note,
    NoteCode.SPIKES_NOT_WATCHED: _of_pairs("spikes were not watched for, so nothing counts,"),
    NoteCode.SPIKE_LIMIT_RAISED: _of_pairs(
        "only exchanges above a higher limit than this were recorded"
    ),
    NoteCode.SPIKES_NOT_SENT: _of_pairs(
        "more spikes were counted than recorded; those recorded are used"
    ),
    NoteCode.SPIKES_SHARED: _of_pairs(
        "both arms paused at the same moment, so it counts for neither,"
    ),
    NoteCode.STOPS_NOT_NAMED: stops_not_named_note,
    NoteCode.ARMS_DIFFER: _arms_differ,
    NoteCode.FALSE_ALARM: _false_alarm,
    NoteCode.NOT_JUDGED: _not_judged,
    NoteCode.OVERLAPPING_REQUESTS: overlap_text,
    NoteCode.MORE_SPIKES: lambda _subject, numbers: spikes_text(numbers),
    NoteCode.INSUFFICIENT_EXPOSURE: lambda _subject, numbers: exposure_text(numbers),
    NoteCode.CALIBRATED: _calibration,
    NoteCode.OTHER_GATE_CALIBRATED: _other_gate,
    NoteCode.NOT_CALIBRATED: _not_calibrated,
    **BASELINE_WRITERS,
}
