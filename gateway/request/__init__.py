"""Arguments → an upstream request. `bind` at load, the builder it gives per call.

Reading order: `targets` (what the upstream takes), `apart` (what is inside of objects, too),
`slots` (what the config makes of it), `bind` (the two together), `styles` and `body` (how values
are written), `build` (per call).
`credential` is what every request of a plugin shows.
"""

from gateway.request.bind import Bound, bind
from gateway.request.credential import Proof, kinds_of, prove

__all__ = ["Bound", "Proof", "bind", "kinds_of", "prove"]
