package badge_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/badge"
	"github.com/saksi-ledger/saksi/events/connect/connecttest"
)

// connector returns a connector of a mapping.
func connector(t testing.TB, mapping string) connect.Connector {
	t.Helper()
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/badge")
	if err != nil {
		t.Fatal(err)
	}
	c, err := badge.New(connect.Options{
		Recorder: recorder, Party: events.PartyOperator, Pseudonym: connecttest.NewTable().Pseudonym, Mapping: []byte(mapping),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// said is what an event says, as far as these tests ask.
type said struct {
	Type, Time string
	Zone, Door string
	Operation  string
	Mode       string
	Outcome    string
	Assets     []string
	Actor      struct{ ID, Kind, Party, PhysicalCountry string }
	From       struct{ Country string }
	Ext        struct {
		Badge    map[string]string
		Inferred []string
	}
}

func draft(t testing.TB, c connect.Connector, row map[string]any) (said, error) {
	t.Helper()
	raw, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	drafts, err := c.Draft(raw)
	if err != nil {
		return said{}, err
	}
	connecttest.Line(t, &drafts[0])
	var s said
	if err := json.Unmarshal(drafts[0].Event.Data, &s); err != nil {
		t.Fatal(err)
	}
	s.Type, s.Time = drafts[0].Event.Type, drafts[0].Event.Time
	return s, nil
}

// TestTimes: the right answers are those of "date -u -d", which has a table of
// time zones of its own.
func TestTimes(t *testing.T) {
	for _, test := range []struct{ layout, zone, repeated, text, want string }{
		{"DD/MM/YYYY hh:mm:ss A", "Asia/Kuala_Lumpur", "", "02/11/2026 09:05:07 AM", "2026-11-02T01:05:07Z"},
		{"DD/MM/YYYY hh:mm:ss A", "Asia/Kuala_Lumpur", "", "02/11/2026 12:05:07 AM", "2026-11-01T16:05:07Z"},
		{"DD/MM/YYYY hh:mm:ss A", "Asia/Kuala_Lumpur", "", "02/11/2026 12:05:07 pm", "2026-11-02T04:05:07Z"},
		{"MM/DD/YYYY h:mm A", "Asia/Kuala_Lumpur", "", "02/11/2026 9:05 PM", "2026-02-11T13:05:00Z"},
		{"D.M.YY H:m", "Europe/Berlin", "", "1.7.26 7:05", "2026-07-01T05:05:00Z"},
		{"D-MMM-YYYY HH:mm:ss.SSS", "Asia/Singapore", "", "2-nov-2026 23:59:59.125", "2026-11-02T15:59:59.125Z"},
		{"YYYY-MM-DDTHH:mm:ssZ", "", "", "2026-11-02T09:05:07+08:00", "2026-11-02T01:05:07Z"},
		{"epoch-ms", "", "", "1786650912000", "2026-08-13T19:55:12Z"},
		{"epoch", "", "", "1786650912", "2026-08-13T19:55:12Z"},
		// Clocks go back at 02:00 to 01:00 on 2026-10-25, and forward at 01:00 to 02:00 on 2026-03-29.
		{"YYYY-MM-DD HH:mm", "Europe/London", "", "2026-10-25 00:59", "2026-10-24T23:59:00Z"},
		{"YYYY-MM-DD HH:mm", "Europe/London", "", "2026-10-25 01:30", "2026-10-25T00:30:00Z inferred"},
		{"YYYY-MM-DD HH:mm", "Europe/London", "last", "2026-10-25 01:30", "2026-10-25T01:30:00Z inferred"},
		{"YYYY-MM-DD HH:mm", "Europe/London", "", "2026-10-25 02:00", "2026-10-25T02:00:00Z"},
		{"YYYY-MM-DD HH:mm", "Europe/London", "", "2026-03-29 00:59", "2026-03-29T00:59:00Z"},
		{"YYYY-MM-DD HH:mm", "Europe/London", "", "2026-03-29 01:30", "there was no such time"},
		{"YYYY-MM-DD HH:mm", "Europe/London", "", "2026-03-29 02:00", "2026-03-29T01:00:00Z"},
		{"YYYY-MM-DD HH:mm", "Australia/Lord_Howe", "", "2026-04-05 01:45", "2026-04-04T14:45:00Z inferred"},
		{"DD/MM/YYYY HH:mm", "Asia/Kuala_Lumpur", "", "13/13/2026 00:00", "not written as DD/MM/YYYY HH:mm"},
		{"DD/MM/YYYY HH:mm", "Asia/Kuala_Lumpur", "", "31/02/2026 00:00", "not written as"},
		{"DD/MM/YYYY HH:mm", "Asia/Kuala_Lumpur", "", "", "not written as"},
		{"epoch", "", "", "1e9", "no whole number"},
		{"epoch", "", "", "999999999999999", "years 1 to 9999"},
	} {
		c := connector(t, `{"time":{"columns":["at"],"layout":"`+test.layout+`","zone":"`+test.zone+`","repeated":"`+test.repeated+`"},"door":{"column":"door"},"person":"who","result":{"always":"granted"}}`)
		s, err := draft(t, c, map[string]any{"at": test.text, "door": "d", "who": "w"})
		got := s.Time
		if len(s.Ext.Inferred) > 0 {
			got += " inferred"
		}
		if err != nil {
			got = err.Error()
			if test.text != "" && strings.Contains(got, test.text) {
				t.Errorf("the error repeats a value: %s", got)
			}
		}
		if !strings.HasPrefix(got, test.want) && (err == nil || !strings.Contains(got, test.want)) {
			t.Errorf("%s in %s: %q is %q, want %q", test.layout, test.zone, test.text, got, test.want)
		}
	}
}

// TestNothingInvented: what the log or the mapping doesn't say is unstated, and
// what can't be unstated is left out.
func TestNothingInvented(t *testing.T) {
	text, err := os.ReadFile("testdata/mapping.json")
	if err != nil {
		t.Fatal(err)
	}
	c := connector(t, string(text))
	row := func(changes ...string) map[string]any {
		r := map[string]any{
			"Seq": "1", "Date": "02/11/2026", "Time": "09:00:00 AM", "Site": "Cyberjaya", "Reader": "CBJ Hall A north", "Dir": "Entry",
			"Event": "Access Granted", "Card No": "0048213", "Cardholder": "Aminah", "Company": "Nimbus",
		}
		for i := 0; i < len(changes); i += 2 {
			r[changes[i]] = changes[i+1]
		}
		return r
	}
	for name, test := range map[string]struct {
		row  map[string]any
		want string
	}{
		"known":              {row(), "zone.entered cbj-hall-a cbj-d1 success person operator MY granted"},
		"out":                {row("Dir", "Exit"), "zone.left cbj-hall-a cbj-d1 success person operator MY granted"},
		"vendor":             {row("Company", "Northwind Cooling"), "zone.entered cbj-hall-a cbj-d1 success person vendor MY granted"},
		"no company":         {row("Company", ""), "zone.entered cbj-hall-a cbj-d1 success person operator MY granted"},
		"unknown company":    {row("Company", "Somebody"), "doesn't say whose side"},
		"unknown direction":  {row("Dir", "Up"), "performed badge:granted physical success person operator MY granted"},
		"no direction":       {row("Dir", ""), "performed badge:granted physical success person operator MY granted"},
		"reader's direction": {row("Dir", "", "Reader", "CBJ Dock"), "zone.entered cbj-dock cbj-d2 success person operator MY granted"},
		"unknown door":       {row("Reader", "Attic"), "performed badge:granted physical success person operator MY granted"},
		"unknown result":     {row("Event", "Hello"), "performed badge:unstated physical unstated person operator MY unstated"},
		"no result":          {row("Event", ""), "performed badge:unstated physical unstated person operator MY unstated"},
		"not taken":          {row("Event", "Granted - No Entry"), "performed badge:not-taken physical unstated person operator MY not-taken"},
		"forced":             {row("Event", "Door Forced", "Card No", ""), "performed badge:forced physical success unstated operator MY forced"},
		"tailgate":           {row("Event", "Tailgating Suspected"), "performed badge:tailgate physical success person operator MY tailgate inferred"},
		"unknown site":       {row("Site", "Moon"), "zone.entered cbj-hall-a cbj-d1 success person operator ?? granted"},
		"no access":          {row("Event", "Panel Online"), "nothing to say"},
		"no id":              {row("Site", "", "Seq", ""), "id is empty"},
		"another's":          {map[string]any{"a": "b"}, "another system's record: it has no"},
	} {
		s, err := draft(t, c, test.row)
		var got string
		if err != nil {
			got = err.Error()
		} else {
			parts := []string{strings.TrimSuffix(strings.TrimPrefix(s.Type, "saksi.access."), ".v1"), s.Zone, s.Door, s.Operation, s.Mode, s.Outcome, s.Actor.Kind, s.Actor.Party, s.Actor.PhysicalCountry, s.Ext.Badge["result"]}
			got = strings.Join(strings.Fields(strings.Join(append(parts, map[bool]string{true: "inferred"}[len(s.Ext.Inferred) > 0]), " ")), " ")
		}
		if got != test.want && (err == nil || !strings.Contains(got, test.want)) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	if _, err := draft(t, c, map[string]any{"a": 1}); !errors.Is(err, connect.ErrOther) {
		t.Errorf("a record without the columns: %v", err)
	}
}

// TestIDs: a row's id says nothing of the row to who hasn't the key.
func TestIDs(t *testing.T) {
	const mapping = `{"time":{"columns":["at"],"layout":"epoch"},"door":{"column":"door"},"person":"who","result":{"always":"granted"}}`
	recorder, _ := events.ParseRecorder("nimbus-my/lab-1/badge")
	ids := map[string]bool{}
	for _, key := range []string{"p-one", "p-two"} {
		c, err := badge.New(connect.Options{Recorder: recorder, Party: events.PartyOperator, Mapping: []byte(mapping), Pseudonym: func(principal string) (string, error) {
			if strings.HasPrefix(principal, "key:") {
				return key, nil
			}
			return "p-somebody", nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			drafts, err := c.Draft([]byte(`{"at":"1786650912","door":"d","who":"w"}`))
			if err != nil {
				t.Fatal(err)
			}
			ids[drafts[0].Event.ID] = true
		}
	}
	if len(ids) != 2 {
		t.Errorf("one row under two keys, each twice, has %d ids: want 2", len(ids))
	}
}

func TestMappingErrors(t *testing.T) {
	const rest = `"door":{"column":"door"},"person":"who","result":{"always":"granted"}}`
	for text, want := range map[string]string{
		``:            "not JSON",
		`[]`:          "is not what a mapping has there",
		`{`:           "not JSON",
		`{"tiem":{}}`: "/tiem",
		`{` + rest:    "time.columns",
		`{"time":{"columns":["at"],"layout":"YYYY-MM-DD HH:mm"},` + rest:                                                                                             "time.zone",
		`{"time":{"columns":["at"],"layout":"YYYY-MM-DD HH:mm","zone":"Mars/Olympus"},` + rest:                                                                       "the time zone is not known",
		`{"time":{"columns":["at"],"layout":"YYYY-MM-DD HH:mm","zone":"Local"},` + rest:                                                                              "the time zone is not known",
		`{"time":{"columns":["at"],"layout":"YYYY-MM-DD hh:mm","zone":"UTC"},` + rest:                                                                                "belong together",
		`{"time":{"columns":["at"],"layout":"YYYY-MM-DD","zone":"UTC"},` + rest:                                                                                      "want hours",
		`{"time":{"columns":["at"],"layout":"HH:mm","zone":"UTC"},` + rest:                                                                                           "want a year",
		`{"time":{"columns":["at"],"layout":"YYYY-MM-DD um HH:mm","zone":"UTC"},` + rest:                                                                             "no part of a layout",
		`{"time":{"columns":["at"],"layout":"epoch"},"door":{"column":"d"},"person":"w","result":{"column":"r","values":{"x":"vanished"}}}`:                          "is none of",
		`{"time":{"columns":["at"],"layout":"epoch"},"door":{"column":"d"},"person":"w"}`:                                                                            "result",
		`{"time":{"columns":["at"],"layout":"epoch"},"door":{"column":"d","doors":{"x":{"zone":"z"}}},"person":"w","result":{"always":"taken"}}`:                     "alias",
		`{"time":{"columns":["at"],"layout":"epoch"},"door":{"column":"d"},"person":"w","result":{"always":"taken"},"direction":{"in":["a"],"out":["a"]}}`:           "in and out",
		`{"time":{"columns":["at"],"layout":"epoch"},"door":{"column":"d"},"person":"w","result":{"always":"taken"},"party":{"column":"c","values":{"a":"friend"}}}`: "no party",
		`{"time":{"columns":["at"],"layout":"epoch"},"door":{"column":"d"},"person":"w","result":{"always":"taken"},"facts":{"employer":"c"}}`:                       "can't be called",
		`{"time":{"columns":["at"],"layout":"epoch"},"csv":{"comma":";;"},` + rest:                                                                                   "csv.comma",
	} {
		if _, err := badge.ParseMapping([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestPhysec reads records of a published vocabulary of physical access by a
// mapping, where they are beside the repository: JSON, with columns inside of
// members, in lists with records of other classes.
func TestPhysec(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "shared", "data", "physec", "examples")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the examples are not beside the repository (../shared/data/physec): nothing was tested")
	}
	c := connector(t, `{"system":"physec","only":{"column":"class_uid","values":["4230001"]},"optional":["portal.uid","credential.user.uid","credential.uid","activity_id"],
		"time":{"columns":["time"],"layout":"epoch-ms"},"door":{"column":"portal.uid","doors":{"DR-2-014":{"door":"d-14","zone":"dock-2"}}},
		"person":"credential.user.uid","result":{"column":"activity_id","values":{"1":"granted","2":"denied","3":"taken","4":"not-taken","5":"forced","6":"held-open","8":"duress","10":"tailgate"}},
		"facts":{"card":"credential.uid"}}`)
	var got []events.Draft
	account, err := connect.Each(context.Background(), c, []string{dir}, nil, func(_ connect.Record, drafts []events.Draft) error {
		got = append(got, drafts...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	connecttest.Accounted(t, account, len(got))
	if account.Files != 3 || account.Places > 0 || account.Silent == 0 || len(got) != 1 {
		t.Fatalf("%+v", account)
	}
	var s said
	if err := json.Unmarshal(got[0].Event.Data, &s); err != nil {
		t.Fatal(err)
	}
	if got[0].Event.Time != "2026-08-13T19:55:12Z" || s.Operation != "badge:tailgate" || s.Ext.Badge["zone"] != "dock-2" || len(s.Assets) != 1 || s.Assets[0] != "d-14" || len(s.Ext.Inferred) != 1 {
		t.Errorf("%s %+v", got[0].Event.Time, s)
	}
	t.Logf("%d records: %d event, %d of other classes", account.Records, account.Events, account.Silent)
}
