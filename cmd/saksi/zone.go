package main

import (
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/projections"
)

// Times are read and shown in the zone of --tz. Where that isn't given, and a command
// is about one facility, the zone is the facility's own; otherwise it is UTC.

// facilityZone returns the time zone that the registry has of a facility; nil where it
// has none, or isn't here.
func facilityZone(dir, facility string) *time.Location {
	h, err := home.OpenAuthority(dir)
	if err != nil {
		return nil
	}
	r, err := writer.ReadRegistry(h.LedgerDir())
	if err != nil {
		return nil
	}
	for _, f := range r.Facilities() {
		if f.Name != facility {
			continue
		}
		if zone, err := f.Zone(); err == nil {
			return zone
		}
	}
	return nil
}

// atFacility sets the session's zone to that of the only facility that a command is
// about, unless the command line or the environment gives one.
func atFacility(s *cmdline.Session, dir string, facilities ...string) {
	if s.Zone == nil && len(facilities) == 1 && facilities[0] != "" {
		s.Zone = facilityZone(dir, facilities[0])
	}
}

// zoneFor is the zone of a command that is about a facility.
func zoneFor(s *cmdline.Session, dir, facility string) *time.Location {
	atFacility(s, dir, facility)
	return s.Location()
}

// facilityOf is the facility in OPERATOR/FACILITY/RECORDER or FACILITY/RECORDER.
func facilityOf(recorder string) string {
	parts := strings.Split(recorder, "/")
	if len(parts) < 2 {
		return ""
	}
	return parts[len(parts)-2]
}

// localTimes rewrites the conditions on columns of times whose values have no zone: they
// are of the session's, and a date is a day there. Those of other columns stay as they
// are, and so does what is no time, which the store refuses.
func localTimes(s *cmdline.Session, conditions []projections.Condition, columns []projections.Column) []projections.Condition {
	zone := s.Location()
	if zone == time.UTC {
		return conditions
	}
	times := map[string]bool{}
	for _, c := range columns {
		times[c.Name] = c.Kind == projections.KindTime
	}
	var out []projections.Condition
	for _, c := range conditions {
		if !times[c.Column] {
			out = append(out, c)
			continue
		}
		if day, err := time.ParseInLocation(time.DateOnly, c.Value, zone); err == nil {
			out = append(out, onLocalDay(c, day)...)
			continue
		}
		if t, err := cmdline.ParseTime(c.Value, zone); err == nil {
			c.Value = t.Format(time.RFC3339)
		}
		out = append(out, c)
	}
	return out
}

// onLocalDay compares with a whole day in the zone of its beginning, as the store does
// with days in UTC.
func onLocalDay(c projections.Condition, day time.Time) []projections.Condition {
	at := func(op projections.Op, t time.Time) projections.Condition {
		return projections.Condition{Column: c.Column, Op: op, Value: t.UTC().Format(time.RFC3339)}
	}
	next := day.AddDate(0, 0, 1)
	switch c.Op {
	case projections.More:
		return []projections.Condition{at(projections.MoreOrEqual, next)}
	case projections.LessOrEqual:
		return []projections.Condition{at(projections.Less, next)}
	case projections.Equal:
		return []projections.Condition{at(projections.MoreOrEqual, day), at(projections.Less, next)}
	case projections.NotEqual:
		return []projections.Condition{c} // the store says why it can't
	}
	return []projections.Condition{at(c.Op, day)}
}
