"""Replies kept: a stored one, else one fetch that all identical calls in flight share.

What may be kept, and for how long, is decided in `caching.policy`; here it is done. The key is
the upstream URL, the header parameters, the forwarded headers and a partition, the keyed digest
of the credential that the upstream sees, so no caller is given what another's key fetched.
A write that succeeds forgets what is stored for its URL (RFC 9111 section 4.4).
"""

from __future__ import annotations
