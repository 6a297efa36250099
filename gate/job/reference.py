"""What the candidate is compared with: an image that can run, or stored campaigns only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.baseline.store import BaselineStore
from gate.campaign import Campaign, Fingerprint
from gate.errors import NoUsableBaseline, Reason, UsageError
from gate.scenario import Scenario
from gate.service.image import ImageRef, build_image, local_image, resolve_image

__all__ = ["Reference", "find_reference", "image_under_test"]

Say = Callable[[str], None]


_DAMAGED = {Reason.BASELINE_CORRUPT, Reason.BASELINE_SCHEMA}


@dataclass(frozen=True, slots=True)
class Reference:
    """The other arm.

    ``image`` is None when only stored numbers are left of it; ``named`` when the command line or
    the scenario chose it, so that stored campaigns only serve to tell about drift; ``stored``
    when there are any.
    """

    image: ImageRef | None
    store: BaselineStore
    named: bool
    stored: bool

    @property
    def name(self) -> str:
        """What a report calls it."""
        return self.image.reference if self.image else "stored campaigns"

    def campaigns(self, scenario: Scenario, fingerprint: Fingerprint) -> tuple[Campaign, ...]:
        """Stored campaigns comparable with what is about to be measured here, maybe none.

        Raises `NoUsableBaseline` when the store is damaged, or when the reference comes from it
        and it holds nothing of this scenario and this machine.
        """
        if not self.stored:
            return ()
        key = (scenario.name, scenario.measured_hash(), fingerprint)
        if self.image is None:
            return self.store.usable(*key, "single")
        try:
            return self.store.usable(*key, "paired")
        except NoUsableBaseline as error:
            if error.reason in _DAMAGED:
                raise
        if not self.named:
            self.store.usable(*key, "single")
        return ()


def image_under_test(
    client: Any, scenario: Scenario, directory: Path, override: str | None, say: Say
) -> ImageRef:
    """The image under test: the command line's, else the scenario's, else built.

    Raises `UsageError` (NO_SUCH_IMAGE, BAD_SCENARIO).
    """
    name = override or scenario.service.image
    if name:
        return resolve_image(client, name, say)
    if scenario.service.build:
        return build_image(client, directory / scenario.service.build, say)
    raise UsageError(
        Reason.BAD_SCENARIO,
        f"scenario {scenario.name!r} names no image to test",
        remedy="set service.image or service.build, or give --candidate-image",
    )


def find_reference(
    client: Any, scenario: Scenario, baselines: Path, override: str | None, say: Say
) -> Reference:
    """The command line's image, else the scenario's, else the newest stored campaign's.

    Of a stored campaign only the very image that it measured will do, told by its id.  Raises
    `UsageError` when a named image cannot be had, `NoUsableBaseline` when no image is named and
    nothing usable is stored.
    """
    store = BaselineStore(baselines)
    has_stored = (baselines / scenario.name).is_dir()
    name = override or scenario.baseline.image
    if name:
        return Reference(resolve_image(client, name, say), store, named=True, stored=has_stored)
    if not has_stored:
        raise NoUsableBaseline(
            Reason.BASELINE_MISSING,
            f"there is no baseline for scenario {scenario.name!r} in {baselines}, and no "
            "reference image is named",
            remedy="give --baseline-image, or measure one and store it: `socklat-gate run` with "
            "the released image, then `socklat-gate baseline save`",
        )
    newest = store.campaigns(scenario.name)
    if not newest:
        raise NoUsableBaseline(
            Reason.BASELINE_EMPTY,
            f"the baseline directory {baselines / scenario.name} holds no campaign",
            remedy="store one with `socklat-gate baseline save RESULT`",
        )
    image = _image_of(client, newest[-1].campaign, say)
    return Reference(image, store, named=False, stored=True)


def _image_of(client: Any, campaign: Campaign, say: Say) -> ImageRef | None:
    """The very image that a campaign measured; None when it can no longer be had.

    Its name alone does not do: a tag may have moved on since, to the candidate itself.
    """
    kept = local_image(client, campaign.image_id)
    if kept is not None:
        return ImageRef(campaign.image, kept.id, kept.digest)
    if local_image(client, campaign.image) is not None:
        return None
    try:
        pulled = resolve_image(client, campaign.image, say)
    except UsageError:
        return None
    return pulled if pulled.id == campaign.image_id else None
