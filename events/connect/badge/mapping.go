package badge

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/zone"
)

// Mapping says what the columns of a log mean. A column is named as in the first
// row of CSV, or as a member of a JSON record; dots lead into members of members.
type Mapping struct {
	// System names the system in ext.native; if empty, it is badge.
	System string `json:"system"`
	CSV    struct {
		Comma   string   `json:"comma"`   // one character; if empty, a comma
		Columns []string `json:"columns"` // if the first row is a record already
		Skip    int      `json:"skip"`    // lines before the first row
	} `json:"csv"`
	// Only, if it has a column, takes the rows that have one of some values there.
	Only struct {
		Column string   `json:"column"`
		Values []string `json:"values"`
	} `json:"only"`
	// Optional names columns that a record may lack. A record that lacks another
	// column of the mapping is taken for another system's.
	Optional []string `json:"optional"`

	Time struct {
		Columns []string `json:"columns"` // joined by a space
		// Layout is written with YYYY YY MM M DD D HH H hh h mm m ss s SSS A MMM Z,
		// or is epoch or epoch-ms.
		Layout string `json:"layout"`
		Zone   string `json:"zone"` // of the time zone database, where a site has none
		// Repeated says which is meant of a time that comes twice, when clocks go
		// back: first or last. If empty, it is first.
		Repeated string `json:"repeated"`
	} `json:"time"`
	Site struct {
		Column string          `json:"column"`
		Sites  map[string]Site `json:"sites"`
	} `json:"site"`
	Door struct {
		Column string          `json:"column"`
		Doors  map[string]Door `json:"doors"`
	} `json:"door"`
	Direction struct {
		Column string   `json:"column"`
		In     []string `json:"in"`
		Out    []string `json:"out"`
	} `json:"direction"`
	Result struct {
		Column string            `json:"column"`
		Values map[string]Result `json:"values"`
		// Always is the result of each row where the log has no such column.
		Always Result `json:"always"`
	} `json:"result"`
	ID     []string `json:"id"`     // columns that name a row for good
	Person string   `json:"person"` // the column that tells people apart
	Party  struct {
		Column string                  `json:"column"`
		Values map[string]events.Party `json:"values"`
	} `json:"party"`
	// Facts are columns that are disclosed about the person, by the fact's name.
	Facts map[string]string `json:"facts"`

	columns  []string // all that a record must have
	layout   string   // Go's
	zone     *time.Location
	zones    map[string]*time.Location // by site
	optional map[string]bool
}

// Site is where doors are.
type Site struct {
	Zone    string `json:"zone"`
	Country string `json:"country"`
}

// Door is what a door is called in events.
type Door struct {
	Door      string `json:"door"`
	Zone      string `json:"zone"`      // that it leads into
	Direction string `json:"direction"` // in or out, where a reader is on one side
}

// Result is what happened at a door.
type Result string

// The results. ResultNone is a row that is about no access.
const (
	ResultGranted  Result = "granted" // whether it was used isn't known
	ResultTaken    Result = "taken"
	ResultNotTaken Result = "not-taken"
	ResultDenied   Result = "denied"
	ResultForced   Result = "forced"
	ResultHeldOpen Result = "held-open"
	ResultTailgate Result = "tailgate"
	ResultDuress   Result = "duress"
	ResultNone     Result = "none"
	resultUnstated Result = events.Unstated
)

var results = []Result{
	ResultGranted, ResultTaken, ResultNotTaken, ResultDenied, ResultForced, ResultHeldOpen, ResultTailgate, ResultDuress, ResultNone,
}

const (
	in  = "in"
	out = "out"
)

// ParseMapping reads a mapping file, which is one JSON object.
func ParseMapping(text []byte) (*Mapping, error) {
	m := new(Mapping)
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if err := json.Unmarshal(text, m, json.RejectUnknownMembers(true)); err != nil {
		var form *json.SemanticError
		var syntax *jsontext.SyntacticError
		switch {
		case errors.As(err, &form):
			return nil, fmt.Errorf("mapping: %s is not what a mapping has there, or not of its type", form.JSONPointer)
		case errors.As(err, &syntax):
			return nil, fmt.Errorf("mapping: not JSON at byte %d", syntax.ByteOffset)
		}
		return nil, fmt.Errorf("mapping: %w", err)
	}
	if err := m.complete(); err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	return m, nil
}

// complete sees that a mapping fits together.
func (m *Mapping) complete() error {
	if m.System == "" {
		m.System = "badge"
	}
	switch {
	case len(m.System) > 64:
		return errors.New("system: the most is 64 bytes")
	case len(m.CSV.Comma) > 1 || strings.ContainsAny(m.CSV.Comma, "\"\r\n"):
		return errors.New("csv.comma: want one character of ASCII that is neither a quotation mark nor the end of a line")
	case m.CSV.Skip < 0:
		return errors.New("csv.skip: want a number of lines")
	case len(m.Time.Columns) == 0:
		return errors.New("time.columns: say in which columns the time is")
	case m.Door.Column == "":
		return errors.New("door.column: say in which column the door is")
	case m.Person == "":
		return errors.New("person: say which column tells people apart")
	case (m.Result.Column == "") == (m.Result.Always == ""):
		return errors.New("result: say in which column it is, or always what it is, and not both")
	case (m.Party.Column == "") != (len(m.Party.Values) == 0):
		return errors.New("party: want a column and its values")
	}
	if err := m.completeTime(); err != nil {
		return err
	}
	if err := m.completeValues(); err != nil {
		return err
	}
	m.optional = map[string]bool{}
	for _, name := range m.Optional {
		m.optional[name] = true
	}
	m.columns = append(append([]string{m.Only.Column, m.Site.Column, m.Door.Column, m.Direction.Column, m.Result.Column, m.Person, m.Party.Column}, m.Time.Columns...), m.ID...)
	for _, name := range slices.Sorted(maps.Keys(m.Facts)) {
		m.columns = append(m.columns, m.Facts[name])
	}
	m.columns = slices.DeleteFunc(m.columns, func(name string) bool { return name == "" })
	return nil
}

func (m *Mapping) completeTime() (err error) {
	zoned := false
	if m.layout, zoned, err = goLayout(m.Time.Layout); err != nil {
		return fmt.Errorf("time.layout: %w", err)
	}
	if m.Time.Zone != "" {
		if m.zone, err = zone.Load(m.Time.Zone); err != nil {
			return fmt.Errorf("time.zone: %w", err)
		}
	}
	m.zones = map[string]*time.Location{}
	for name, site := range m.Site.Sites {
		if site.Zone != "" {
			if m.zones[name], err = zone.Load(site.Zone); err != nil {
				return fmt.Errorf("site.sites: %w", err)
			}
		}
	}
	switch {
	case !zoned && m.zone == nil && len(m.zones) == 0:
		return errors.New("time.zone: say which time zone the log's times are of, or give each site its zone")
	case m.Time.Repeated != "" && m.Time.Repeated != "first" && m.Time.Repeated != "last":
		return errors.New("time.repeated: want first or last")
	case m.Site.Column == "" && len(m.Site.Sites) > 0:
		return errors.New("site.column: say in which column the site is")
	}
	return nil
}

func (m *Mapping) completeValues() error {
	for _, site := range m.Site.Sites {
		if site.Country != "" && site.Country != events.UnknownCountry && !isCountry(site.Country) {
			return fmt.Errorf("site.sites: country %q: want two capital letters", site.Country)
		}
	}
	for _, door := range m.Door.Doors {
		switch {
		case door.Door == "" || len(door.Door) > 128 || len(door.Zone) > 128:
			return errors.New("door.doors: each door wants an alias for events in door, and may have that of the zone it leads into, of at most 128 bytes")
		case door.Direction != "" && door.Direction != in && door.Direction != out:
			return errors.New("door.doors: direction: want in or out")
		}
	}
	for _, one := range m.Direction.In {
		if slices.Contains(m.Direction.Out, one) {
			return errors.New("direction: the same value is in and out")
		}
	}
	all := slices.Collect(maps.Values(m.Result.Values))
	if m.Result.Always != "" {
		all = append(all, m.Result.Always)
	}
	for _, result := range all {
		if !slices.Contains(results, result) {
			return fmt.Errorf("result: %q is none of %q", result, results)
		}
	}
	for _, party := range m.Party.Values {
		if !connect.IsParty(party) {
			return fmt.Errorf("party: %q is no party", party)
		}
	}
	for name := range m.Facts {
		if name == "" || strings.HasPrefix(name, "_") || slices.Contains(taken, name) {
			return fmt.Errorf("facts: a fact can't be called %q: it begins with _, or events say it of an actor already", name)
		}
	}
	return nil
}

// taken are the names of what an event says of an actor otherwise.
var taken = []string{
	"person", "id", "kind", "party", "employer", "employerCountry", "employment", "officeCountry", "physicalCountry", "role", "clearance",
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}
