package views

import (
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// approvals remembers which accesses were approved. An approval counts for touches
// that the same operator's recorders see, wherever, and for those that anybody's see
// at the facility of the recorder that said it: a landlord's doors know a tenant's
// approval, but nobody can approve what is done elsewhere by others.
type approvals struct {
	requests *projections.State[request]
	accesses *projections.State[approval]
}

// request is a request whose decision may name no access.
type request struct{ AccessID string }

// approval is the newest of an access.
type approval struct{ Ref events.Ref }

func newApprovals(view string) approvals {
	return approvals{
		requests: projections.NewState[request](view + "-requests"),
		accesses: projections.NewState[approval](view + "-approvals"),
	}
}

func (a approvals) tables() []projections.Schema {
	return []projections.Schema{a.requests, a.accesses}
}

func (a approvals) requested(tx *projections.Tx, e *projections.Event, data *events.AccessRequested) error {
	if data.AccessID == "" {
		return nil
	}
	return a.requests.Put(tx, e.Recorder.Owner+"/"+data.Request, &request{data.AccessID})
}

func (a approvals) approved(tx *projections.Tx, e *projections.Event, data *events.AccessDecided) error {
	access := data.AccessID
	if access == "" {
		r, found, err := a.requests.Get(tx, e.Recorder.Owner+"/"+data.Request)
		if err != nil || !found {
			return err
		}
		access = r.AccessID
	}
	if err := a.accesses.Put(tx, byOperator(e.Recorder, access), &approval{e.Ref}); err != nil {
		return err
	}
	return a.accesses.Put(tx, byFacility(e.Recorder, access), &approval{e.Ref})
}

// of returns the approval of an access that a recorder saw, the operator's own if
// there is one.
func (a approvals) of(tx *projections.Tx, recorder events.Recorder, access string) (events.Ref, bool, error) {
	for _, key := range []string{byOperator(recorder, access), byFacility(recorder, access)} {
		if found, ok, err := a.accesses.Get(tx, key); err != nil || ok {
			if err != nil {
				return events.Ref{}, false, err
			}
			return found.Ref, true, nil
		}
	}
	return events.Ref{}, false, nil
}

func byOperator(r events.Recorder, access string) string { return "operator/" + r.Owner + "/" + access }
func byFacility(r events.Recorder, access string) string {
	return "facility/" + r.Facility + "/" + access
}
