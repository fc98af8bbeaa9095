"""A headless Chromium of our own: found, started within a deadline, and ended for good."""

import logging
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import psutil  # type: ignore[import-untyped]
import selenium
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options as ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.command import Command
from urllib3.exceptions import HTTPError

logger = logging.getLogger(__name__)

# Whatever a driver or browser that has gone away makes Selenium raise.
DRIVER_ERRORS = (WebDriverException, HTTPError, OSError)

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_ARGUMENTS = (
    "--headless=new",
    "--window-size=1400,2000",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
    "--blink-settings=imagesEnabled=false",
    "--no-proxy-server",  # a proxy would resolve names in our place
)
_DRIVER_MARGIN_S = 10.0
# A driver that hangs would be asked four times, with the full patience each time.
_ASKED_ONCE = {"init_args_for_pool_manager": {"retries": False}}
_ON_EVERY_PAGE = "Page.addScriptToEvaluateOnNewDocument"
# A second dialog comes sooner than the first is dismissed, and a script may open window on window.
_SILENCE = """
for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = () => null;
"""
_SHORTLY_S = 3.0


class NoBrowserError(Exception):
    """There is no browser; the message is one sentence and says what to do."""


@dataclass(frozen=True)
class ChromiumSettings:
    """How Chromium is started.

    Attributes:
        hosts: The only host names it may reach, with ``*`` for any text. Names and addresses beyond
            these do not resolve, whoever asks: a page, a frame, a script or a redirect.
        host_addresses: Host name to ``"IP:PORT"`` that it shall use for it.
        deadline_s: After how many seconds it is decided that there is no browser.
        arguments: More command line arguments.
    """

    hosts: Sequence[str]
    host_addresses: Mapping[str, str] = field(default_factory=dict)
    deadline_s: float = 5.0
    arguments: Sequence[str] = ()


class Chromium:
    """A running Chromium with its driver and its temporary profile; made by `start_chromium`."""

    def __init__(self, driver: Any, profile: "tempfile.TemporaryDirectory[str]") -> None:
        self.driver = driver
        self.pages = 0
        self._profile = profile
        service = psutil.Process(driver.service.process.pid)
        self._processes = [service, *service.children(recursive=True)]
        version = str(driver.capabilities.get("browserVersion", "?")).partition(".")[0]
        self.how = f"selenium {selenium.__version__}, Chromium {version}"

    def be_patient(self, seconds: float) -> None:
        """Wait at most so long for a page and for a script, and a little longer for the driver."""
        self.driver.command_executor.client_config.timeout = seconds + _DRIVER_MARGIN_S
        self.driver.set_page_load_timeout(seconds)
        self.driver.set_script_timeout(seconds)

    def is_alive(self) -> bool:
        """Tell whether the browser still answers."""
        try:
            self.be_patient(_SHORTLY_S)
            return bool(self.driver.execute_script("return true"))
        except DRIVER_ERRORS:
            return False

    def close(self) -> None:
        """End the browser and its driver, crashed and hung ones too, and remove the profile."""
        self.driver.command_executor.client_config.timeout = _SHORTLY_S
        with suppress(*DRIVER_ERRORS):
            self.driver.execute(Command.QUIT)
        for process in self._processes:  # a browser outlives a driver that crashed or hung
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self._processes, timeout=_SHORTLY_S)
        with suppress(*DRIVER_ERRORS):
            self.driver.quit()  # waits minutes for a driver that hangs, and not for a killed one
        self._profile.cleanup()


def start_chromium(settings: ChromiumSettings) -> Chromium:
    """Start headless Chromium.

    Takes the Chromium and the chromedriver on PATH. Where one is missing, Selenium Manager may
    fetch both, unless ``SE_OFFLINE`` is set. A browser that is late is closed as soon as it comes.

    Raises:
        NoBrowserError: It did not start within the deadline.
    """
    future: Future[Chromium] = Future()
    program, driver = _on_path()
    arguments = (future, program, driver, settings)
    threading.Thread(target=_start_into, args=arguments, daemon=True, name="start-browser").start()
    try:
        return future.result(timeout=settings.deadline_s)
    except FutureTimeoutError:
        future.add_done_callback(_close_late)
        doing = "start" if program and driver else "arrive by Selenium Manager"
        raise NoBrowserError(
            f"Chromium did not {doing} within {settings.deadline_s:g} s; try again, or raise "
            "browser_start_s in the ingestion parameters."
        ) from None
    except DRIVER_ERRORS as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0].removesuffix(".")
        raise NoBrowserError(
            f"Chromium did not start ({first}); look at what chromium and chromedriver say when "
            "started by hand."
        ) from error


def _on_path() -> tuple[str, str]:
    """Return the browser and its driver; both empty where Selenium Manager shall find them."""
    program = next((path for name in _BROWSERS if (path := shutil.which(name))), "")
    driver = shutil.which("chromedriver") or ""
    if program and driver:
        return program, driver
    if os.environ.get("SE_OFFLINE", "").lower() in ("1", "true"):
        missing = "chromedriver" if program else "Chromium"
        raise NoBrowserError(
            f"There is no browser, because {missing} is not on PATH and SE_OFFLINE forbids to "
            "fetch it; install chromium and chromedriver."
        )
    logger.info("Chromium or chromedriver is not on PATH; Selenium Manager looks for them")
    return "", ""


def _start_into(
    future: "Future[Chromium]", program: str, driver: str, settings: ChromiumSettings
) -> None:
    profile = tempfile.TemporaryDirectory(prefix="cosmop-browser-", ignore_cleanup_errors=True)
    try:
        offline = {"SE_OFFLINE": "true"} if driver else {}
        service = Service(
            executable_path=driver or None,
            log_output=subprocess.DEVNULL,
            env={**os.environ, **offline, "SE_AVOID_STATS": "true"},
        )
        options = _options(program, profile.name, settings)
        started: Any = Chrome(options=options, service=service, keep_alive=False)
        started.command_executor.client_config.init_args_for_pool_manager = _ASKED_ONCE
        started.execute_cdp_cmd(_ON_EVERY_PAGE, {"source": _SILENCE})
        future.set_result(Chromium(started, profile))
    except BaseException as error:  # noqa: BLE001 - raised again where the future is asked
        profile.cleanup()
        future.set_exception(error)


def _close_late(future: "Future[Chromium]") -> None:
    if future.exception() is None:
        future.result().close()


def _options(program: str, profile: str, settings: ChromiumSettings) -> ChromeOptions:
    """Return Chromium's options: headless, its own profile, no images, no files, no calls home."""
    options = ChromeOptions()
    if program:
        options.binary_location = program
    options.page_load_strategy = "eager"
    options.unhandled_prompt_behavior = "dismiss"
    options.add_experimental_option("prefs", {"download_restrictions": 3})  # none at all
    options.add_experimental_option("excludeSwitches", ["disable-popup-blocking"])
    arguments = [
        f"--user-data-dir={profile}",
        *_ARGUMENTS,
        f"--host-resolver-rules={_resolver_rules(settings)}",
        *settings.arguments,
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium has no sandbox for root, as in containers
    for argument in arguments:
        options.add_argument(argument)
    return options


def _resolver_rules(settings: ChromiumSettings) -> str:
    """Return the rules by which only the search sites resolve.

    Chromium heeds EXCLUDE before MAP, so that a pattern that covers a mapped host is left out.
    """
    mapped = settings.host_addresses
    rules = [f"MAP {host} {address}" for host, address in mapped.items()]
    rules.append("MAP * ~NOTFOUND")
    rules += [
        f"EXCLUDE {pattern}"
        for pattern in dict.fromkeys(settings.hosts)
        if not any(fnmatchcase(host, pattern) for host in mapped)
    ]
    return ", ".join(rules)
