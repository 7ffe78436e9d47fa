package badge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// connector makes events of rows. It implements [connect.Connector].
//
// What it asks [connect.Options].Pseudonym for is
//
//	person:<value>  of the person column
//	unknown:        where that is empty
//	key:event-ids   the key of the events' ids
type connector struct {
	connect.Options
	mapping *Mapping
}

// New returns the connector of the mapping in o.Mapping.
func New(o connect.Options) (connect.Connector, error) {
	o, err := o.Check()
	if err != nil {
		return nil, fmt.Errorf("badge connector: %w", err)
	}
	m, err := ParseMapping(o.Mapping)
	if err != nil {
		return nil, fmt.Errorf("badge connector: %w", err)
	}
	return &connector{o, m}, nil
}

// System returns the system that the mapping names.
func (c *connector) System() string { return c.mapping.System }

// Files reports whether a file is called as tables or JSON are.
func (c *connector) Files(path string) bool {
	return connect.Named(path, ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")
}

// Format returns CSV as the mapping has it, or JSON.
func (c *connector) Format() connect.Format {
	csv := &connect.CSV{Columns: c.mapping.CSV.Columns, Skip: c.mapping.CSV.Skip}
	if c.mapping.CSV.Comma != "" {
		csv.Comma = c.mapping.CSV.Comma[0]
	}
	return connect.Format{CSV: csv}
}

// Draft makes one event of a row.
func (c *connector) Draft(record []byte) ([]events.Draft, error) {
	if err := connect.CheckRecord(record); err != nil {
		return nil, fmt.Errorf("badge record: %w", err)
	}
	r := &row{connector: c, record: record, personal: connect.NewPersonal(c.Pseudonym, c.Random)}
	draft, err := r.draft()
	if err != nil {
		return nil, fmt.Errorf("badge record: %w", err)
	}
	return []events.Draft{*draft}, nil
}

// row is the making of one event.
type row struct {
	*connector
	record   []byte
	members  map[string]jsontext.Value
	personal *connect.Personal

	at        time.Time
	site      Site
	door      Door
	direction string
	result    Result
	inferred  []string
}

func (r *row) draft() (*events.Draft, error) {
	if err := r.read(); err != nil {
		return nil, err
	}
	if r.result == ResultNone {
		return nil, fmt.Errorf("%w: the mapping says that such a row is about no access", connect.ErrNoEvent)
	}
	id, native, err := r.ids()
	if err != nil {
		return nil, err
	}
	said, err := r.said(native)
	if err != nil {
		return nil, err
	}
	event, err := said.Event(r.Recorder, vocabulary.Attributes{ID: id, Time: r.at, Random: r.Random})
	if err != nil {
		return nil, err
	}
	return &events.Draft{Event: event, Disclosures: r.personal.Disclosures(), Native: events.DigestOf(connect.Canonical(r.record))}, nil
}

// read takes the row apart.
func (r *row) read() (err error) {
	m := r.mapping
	if err := json.Unmarshal(r.record, &r.members); err != nil {
		return fmt.Errorf("%w: it is no object", connect.ErrOther)
	}
	for _, column := range m.columns {
		if _, ok := r.value(column); !ok && !m.optional[column] {
			return fmt.Errorf("%w: it has no %q, which the mapping names", connect.ErrOther, column)
		}
	}
	if m.Only.Column != "" && !slices.Contains(m.Only.Values, r.text(m.Only.Column)) {
		return fmt.Errorf("%w: the mapping leaves out what has this %q", connect.ErrNoEvent, m.Only.Column)
	}
	site := r.text(m.Site.Column)
	r.site = m.Site.Sites[site]
	zone := m.zones[site]
	if zone == nil {
		zone = m.zone
	}
	var texts []string
	for _, column := range m.Time.Columns {
		texts = append(texts, r.text(column))
	}
	repeated := false
	if r.at, repeated, err = m.at(strings.Join(texts, " "), zone); err != nil {
		return fmt.Errorf("column %q: %w", m.Time.Columns[0], err)
	}
	if repeated {
		r.inferred = append(r.inferred, "time")
	}
	r.door = m.Door.Doors[r.text(m.Door.Column)]
	r.direction = r.door.Direction
	switch said := r.text(m.Direction.Column); {
	case said == "":
	case slices.Contains(m.Direction.In, said):
		r.direction = in
	case slices.Contains(m.Direction.Out, said):
		r.direction = out
	default:
		r.direction = ""
	}
	r.result = m.Result.Always
	if m.Result.Column != "" {
		r.result = m.Result.Values[r.text(m.Result.Column)]
	}
	if r.result == "" {
		r.result = resultUnstated
	}
	if r.result == ResultTailgate {
		r.inferred = append(r.inferred, "result") // no reader sees it
	}
	return nil
}

// value returns what stands in a column.
func (r *row) value(column string) (jsontext.Value, bool) {
	if v, ok := r.members[column]; ok {
		return v, true
	}
	first, rest, deeper := strings.Cut(column, ".")
	v, ok := r.members[first]
	for deeper && ok {
		var members map[string]jsontext.Value
		if json.Unmarshal(v, &members) != nil {
			return nil, false
		}
		first, rest, deeper = strings.Cut(rest, ".")
		v, ok = members[first]
	}
	return v, ok
}

// text returns a column as text, without white space around it: "" if there is
// none, or nothing in it.
func (r *row) text(column string) string {
	v, ok := r.value(column)
	switch {
	case !ok || column == "" || v.Kind() == 'n':
		return ""
	case v.Kind() == '"':
		var s string
		if json.Unmarshal(v, &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	}
	return string(v)
}

// ids returns the event's id and, as facts, what the record is called natively.
func (r *row) ids() (string, connect.Facts, error) {
	key, err := r.personal.Pseudonym("key:event-ids")
	if err != nil {
		return "", nil, err
	}
	h := hmac.New(sha256.New, []byte(key))
	var native connect.Facts
	if len(r.mapping.ID) > 0 {
		var parts []string
		for _, column := range r.mapping.ID {
			parts = append(parts, r.text(column))
		}
		text, err := json.Marshal(parts)
		if err != nil {
			return "", nil, err
		}
		if strings.Join(parts, "") == "" {
			return "", nil, fmt.Errorf("column %q: a row's id is empty", r.mapping.ID[0])
		}
		fmt.Fprintf(h, "%s\nid\n%s", r.mapping.System, text)
		native.Text("id", strings.Join(parts, " "))
	} else {
		fmt.Fprintf(h, "%s\nrow\n%s", r.mapping.System, connect.Canonical(r.record))
	}
	native.Text("digest", events.DigestOf(r.record).String())
	return hex.EncodeToString(h.Sum(nil)[:16]), native, nil
}

func (r *row) said(native connect.Facts) (said vocabulary.Said, err error) {
	m := r.mapping
	actor, err := r.actor()
	if err != nil {
		return said, err
	}
	nativeSD, err := r.personal.SD(native)
	if err != nil {
		return said, err
	}
	var facts connect.Facts
	facts.Text("doorName", r.text(m.Door.Column))
	facts.Text("siteName", r.text(m.Site.Column))
	facts.Text("directionName", r.text(m.Direction.Column))
	facts.Text("resultName", r.text(m.Result.Column))
	sd, err := r.personal.SD(facts)
	if err != nil {
		return said, err
	}
	ext := events.Ext{"native": events.Native{System: m.System, SD: nativeSD}}
	badge := map[string]string{"result": string(r.result)}
	ext["badge"] = badge
	if len(r.inferred) > 0 {
		ext["inferred"] = r.inferred
	}
	outcome := outcomeOf(r.result)
	passing := r.result == ResultGranted || r.result == ResultTaken || r.result == ResultDenied
	if passing && r.door.Zone != "" && r.direction != "" {
		kind := vocabulary.ZoneEntered
		if r.direction == out {
			kind = vocabulary.ZoneLeft
		}
		return kind.Of(events.ZonePassed{Zone: r.door.Zone, Door: r.door.Door, Actor: actor, Outcome: outcome, Ext: ext, SD: sd}), nil
	}
	if r.door.Zone != "" {
		badge["zone"] = r.door.Zone
	}
	if r.direction != "" {
		badge["direction"] = r.direction
	}
	var assets []string
	if r.door.Door != "" {
		assets = []string{r.door.Door}
	}
	return vocabulary.AccessPerformed.Of(events.AccessPerformed{
		Actor: actor, Operation: "badge:" + string(r.result), Resource: &events.Resource{Kind: "door"},
		Access: events.AccessUnstated, Outcome: outcome, Reason: events.Reason{Code: events.ReasonUnstated},
		Mode: events.ModePhysical, From: events.From{Country: r.country()}, Assets: assets, Ext: ext, SD: sd,
	}), nil
}

// outcomeOf says whether the door opened, as far as a result does.
func outcomeOf(result Result) events.Outcome {
	switch result {
	case ResultGranted, ResultTaken, ResultForced, ResultTailgate:
		return events.OutcomeSuccess
	case ResultDenied:
		return events.OutcomeDenied
	}
	return events.OutcomeUnstated
}

func (r *row) country() string {
	if r.site.Country == "" {
		return events.UnknownCountry
	}
	return r.site.Country
}

// actor is whose badge it was.
func (r *row) actor() (events.Actor, error) {
	m := r.mapping
	party := r.Party
	if said := r.text(m.Party.Column); said != "" {
		var ok bool
		if party, ok = m.Party.Values[said]; !ok {
			return events.Actor{}, fmt.Errorf("column %q: the mapping doesn't say whose side this is", m.Party.Column)
		}
	}
	person, kind := r.text(m.Person), events.KindPerson
	principal := "person:" + person
	if person == "" {
		principal, kind = "unknown:", events.KindUnstated
	}
	var facts connect.Facts
	facts.Text("person", person)
	var names []string
	for _, fact := range slices.Sorted(maps.Keys(m.Facts)) {
		text := r.text(m.Facts[fact])
		facts.Text(fact, text)
		names = append(names, text)
	}
	id, err := r.personal.Pseudonym(principal, names...)
	if err != nil {
		return events.Actor{}, err
	}
	sd, err := r.personal.SD(facts)
	return events.Actor{
		ID: id, Kind: kind, Party: party, Employer: events.Unstated, EmployerCountry: events.UnknownCountry,
		Employment: events.EmploymentUnstated, OfficeCountry: events.UnknownCountry, PhysicalCountry: r.country(), SD: sd,
	}, err
}
