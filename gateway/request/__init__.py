"""Arguments → an upstream request. `bind` at load, the builder it gives per call.

Reading order: `targets` (what the upstream takes), `apart` (what is inside of objects, too),
`slots` (what the config makes of it), `bind` (the two together), `reading`, `strict` and `check`
(what callers give), `styles` and `body` (how values are written), `build` (per call).
`credential` is what every request of a plugin shows.
"""

from gateway.request.bind import Bound, bind
from gateway.request.credential import Proof, kinds_of, prove
from gateway.request.reading import Reader

__all__ = ["Bound", "Proof", "Reader", "bind", "kinds_of", "prove"]
