"""A worker in a process of its own, which ends itself where the test says. No test."""

from __future__ import annotations

import os
import signal


def step(name: str) -> None:
    """End this process at the step that was named."""
    if name == os.environ["TEST_STEP"]:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Work until nothing is due, on the database of the test."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "clewline.desk.settings"
    import django
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
    django.setup()
    from clewline.desk.alerts.worker import Worker

    Worker(step).run(until_empty=True)


if __name__ == "__main__":
    main()
