"""Where a visitor goes after logging in.

Every customer has a subdomain: acme.example.com, widgets.example.com. Somebody opens a deep
link, is sent to the login page, and must come back to the page they wanted, on the subdomain
they came from, and never to a foreign site.
"""

from urllib.parse import urlsplit

BASE_HOST = "example.com"
HOME = f"https://{BASE_HOST}/"


def canonical_host(host):
    """The host as we compare and store it: lower case, without "www." and the root dot."""
    return host.lower().rstrip(".").lstrip("www.")


def is_ours(host):
    """True for example.com and its subdomains, not for names that only look like them."""
    host = canonical_host(host)
    return host == BASE_HOST or host.endswith("." + BASE_HOST)


def login_redirect(wanted):
    """The address to send the browser to after a login that was started from `wanted`."""
    url = urlsplit(wanted)
    if url.scheme != "https" or not url.hostname or not is_ours(url.hostname):
        return HOME
    target = f"https://{canonical_host(url.hostname)}{url.path or '/'}"
    return f"{target}?{url.query}" if url.query else target
