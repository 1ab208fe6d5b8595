"""Arguments → an upstream request. `bind` at load, the builder it gives per call.

Reading order: `targets` (what the upstream takes), `slots` (what the config makes of it),
`bind` (the two together), `styles` and `body` (how values are written), `build` (per call).
"""

from gateway.request.bind import Bound, bind

__all__ = ["Bound", "bind"]
