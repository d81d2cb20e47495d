"""The way of one session to the network: asked for with each context, and let go of after it."""

from typing import TYPE_CHECKING

from tools.browser.settings import Proxy, ProxyHook

if TYPE_CHECKING:
    from playwright.async_api import ProxySettings


class WayOut:
    """What a session's contexts go through. On the owner's loop only."""

    def __init__(self, session: str, hook: ProxyHook | None) -> None:
        self._session = session
        self._hook = hook
        self._proxy: Proxy | None = None

    def __repr__(self) -> str:
        return f"<WayOut of {self._session}: {self._proxy}>"

    async def open(self) -> "ProxySettings | None":
        """Give what a new context is told; that of the one before is let go of."""
        await self.close()
        proxy = self._proxy = None if self._hook is None else await self._hook(self._session)
        if proxy is None:
            return None
        given: ProxySettings = {"server": proxy.server, "bypass": proxy.bypass}
        if proxy.username is not None:
            given["username"] = proxy.username
        if proxy.password is not None:
            given["password"] = proxy.password
        return given

    async def close(self) -> None:
        """Let go of it, when no context uses it any more; harmless twice."""
        proxy, self._proxy = self._proxy, None
        if proxy is not None and proxy.release is not None:
            await proxy.release()
