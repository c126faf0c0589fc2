"""${message}

Say which step this is: expand (the previous code still runs while it applies), backfill, or contract (only after the
release that no longer needs what goes away). A rename takes all three. Lock and statement timeouts are set by
`anyon.store.migrate`; each migration is one transaction.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
