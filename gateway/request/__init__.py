"""Arguments → an upstream request. `bind` at load, the builder it gives per call.

Reading order: `targets` (what the upstream takes), `apart` and `spread` (what is inside of objects,
too, in a body and in a query), `slots` (what the config makes of it), `bind` (all of it together),
`reading`, `strict` and `check` (what callers give), `files` (what stands for one), `shapes`,
`styles`, `body` and `multipart` (how values are written), `build` (per call).
`credential` is what every request of a plugin shows.
"""

from gateway.request.bind import Bound, bind
from gateway.request.credential import Proof, kinds_of, prove
from gateway.request.reading import Reader, reader_of

__all__ = ["Bound", "Proof", "Reader", "bind", "kinds_of", "prove", "reader_of"]
