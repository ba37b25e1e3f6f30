"""The desk's settings for tests: a directory of its own, quick password hashes, no patience."""

import os
import tempfile
from pathlib import Path

os.environ["CLEWLINE_DESK_HOME"] = tempfile.mkdtemp(prefix="clewline-desk-")

from clewline.desk.home import DeskHome

DeskHome(Path(os.environ["CLEWLINE_DESK_HOME"])).make()

from clewline.desk.settings import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
AXES_ENABLED = False

if "sqlite3" in DATABASES["default"]["ENGINE"]:
    # A file, as in use: threads of one process share a database in memory in another way.
    DATABASES["default"]["TEST"] = {"NAME": HOME.path / "test.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
