-- What the scheduler looks for in what only grows: the newest deed of a kind, and whether a run was canceled.

CREATE INDEX audit_by_object ON strata.audit (lake_id, action, object, at DESC);
CREATE INDEX command_cancel ON strata.command (lake_id, (args->>'name')) WHERE kind = 'cancel';
