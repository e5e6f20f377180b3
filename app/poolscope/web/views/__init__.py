"""What pages show of each experiment: one view a module; `VIEWS` finds it by the experiment's name."""

from __future__ import annotations

from poolscope.web.views.factorials import FactorialsView
from poolscope.web.views.failures import FailuresView
from poolscope.web.views.pool_sizes import PoolSizesView
from poolscope.web.views.shared_list import SharedListView
from poolscope.web.views.sharing import SharingView
from poolscope.web.views.view import View
from poolscope.web.views.which_pool import WhichPoolView

VIEWS: dict[str, View] = {
    "shared-list": SharedListView(),
    "pool-sizes": PoolSizesView(),
    "factorials": FactorialsView(),
    "sharing": SharingView(),
    "failures": FailuresView(),
    "which-pool": WhichPoolView(),
}
