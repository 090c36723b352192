"""Exit codes: an error becomes one line on stderr. Services use it, so it needs no click."""

import io
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatmaild.errors import ChatmaildError, SettingsError

EXIT_FAILED: Final = 1
# sysexits.h EX_CONFIG; the units have RestartPreventExitStatus=78
EXIT_SETTINGS: Final = 78


def exit_code(call: Callable[[], object]) -> int:
    """Call, and return the exit code: 0, 1 failed, 78 unusable settings."""
    for stream in (sys.stdout, sys.stderr):
        # a word of the command line may be no text; it is quoted with escapes then
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        result = call()
    except UnicodeDecodeError:
        return failed("the input is not text in UTF-8")
    except SettingsError as error:
        return failed(str(error), EXIT_SETTINGS)
    except PermissionError as error:
        hint = "" if os.geteuid() == 0 else "; run this as root"
        return failed(f"{error.filename}: {error.strerror}{hint}")
    except BrokenPipeError:
        # the reader, such as head, has enough; nothing can be written at exit, either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (ChatmaildError, OSError) as error:
        return failed(str(error))
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        return failed(f"a fault of this program, {type(error).__name__} at {place}")
    return result if isinstance(result, int) else 0


def failed(text: str, code: int = EXIT_FAILED) -> int:
    """Say on stderr what failed, and return the exit code."""
    print(f"error: {text}", file=sys.stderr)
    return code
