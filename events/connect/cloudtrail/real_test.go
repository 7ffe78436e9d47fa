package cloudtrail_test

import (
	"encoding/base64"
	"encoding/json"
	"index/suffixarray"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/connecttest"
)

// Logs of two exercises against real accounts, which are kept beside the
// repository and not in it.
var realLogs = []struct {
	dir                    string
	files, skipped, events int
}{
	{"invictus", 55, 1, 2900},
	{"stratus", 35, 1, 310},
}

// realDir returns where one of them is, or skips the test.
func realDir(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "..", "shared", "data", "cloudtrail", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the %s logs are not beside the repository (../shared/data/cloudtrail/%s): nothing was tested", name, name)
	}
	return dir
}

// imported is what an import of a set of logs yields.
type imported struct {
	raw    []string
	drafts []*events.Draft
	lines  []string
}

func importAll(t testing.TB, dir string, seed byte, names *connecttest.Table) imported {
	t.Helper()
	c := newConnector(t, seed, names)
	files, _, err := connect.Files([]string{dir}, c.Files)
	if err != nil {
		t.Fatal(err)
	}
	var all imported
	for _, file := range files {
		for record, err := range connect.Records(file, c.Format()) {
			if err != nil {
				t.Fatal(err)
			}
			d, err := c.Draft(record.Raw)
			if err != nil {
				t.Fatalf("%s:%d: %v", record.File, record.Line, err)
			}
			all.raw = append(all.raw, string(record.Raw))
			all.drafts = append(all.drafts, d)
			all.lines = append(all.lines, string(connecttest.Line(t, d)))
		}
	}
	return all
}

func TestRealLogs(t *testing.T) {
	for _, log := range realLogs {
		t.Run(log.dir, func(t *testing.T) {
			dir := realDir(t, log.dir)
			files, skipped, err := connect.Files([]string{dir}, newConnector(t, 1, connecttest.NewTable()).Files)
			if err != nil || len(files) != log.files || len(skipped) != log.skipped {
				t.Errorf("%d files and %d skipped, want %d and %d (%v)", len(files), len(skipped), log.files, log.skipped, err)
			}
			names := connecttest.NewTable()
			one, two := importAll(t, dir, 1, names), importAll(t, dir, 2, names)
			if len(one.drafts) != log.events {
				t.Errorf("%d events, want %d", len(one.drafts), log.events)
			}
			ids, random := map[string]bool{}, map[string]bool{}
			sessions := map[string][]string{}
			for i, d := range one.drafts {
				again := two.drafts[i]
				if d.Event.ID != again.Event.ID || d.Event.Time != again.Event.Time || d.Event.Type != again.Event.Type {
					t.Errorf("imported twice, event %d is %s and %s", i, d.Event.ID, again.Event.ID)
				}
				if ids[d.Event.ID] {
					t.Errorf("two events are %s", d.Event.ID)
				}
				ids[d.Event.ID] = true
				for _, d := range []*events.Draft{d, again} {
					fresh := append(digestsOf(t, d.Event), d.Event.Nonce)
					for _, one := range d.Disclosures {
						fresh = append(fresh, string(one))
					}
					for _, s := range fresh {
						if random[s] {
							t.Errorf("event %d: %s was used before", i, s)
						}
						random[s] = true
					}
				}
				parsed, err := events.ParseEvent([]byte(one.lines[i]))
				if err != nil {
					t.Fatal(err)
				}
				if b, err := parsed.Marshal(); err != nil || string(b) != one.lines[i] {
					t.Errorf("event %d marshals to something else: %v", i, err)
				}
				var data struct{ Session string }
				if err := json.Unmarshal(d.Event.Data, &data); err != nil {
					t.Fatal(err)
				}
				if data.Session != "" {
					sessions[data.Session] = append(sessions[data.Session], d.Event.Type)
				}
			}
			for session, types := range sessions {
				slices.Sort(types)
				if !slices.Equal(types, []string{events.TypeSessionClosed, events.TypeSessionOpened}) {
					t.Errorf("session %s has events %v, want one opened and one closed", session, types)
				}
			}
			if want := map[string]int{"stratus": 3}[log.dir]; len(sessions) != want {
				t.Errorf("%d sessions, want %d", len(sessions), want)
			}
			t.Logf("%d events, %d pseudonyms, %d sessions, %.0f bytes an event", len(ids), names.Len(), len(sessions),
				float64(len(strings.Join(one.lines, "")))/float64(len(ids)))
		})
	}
}

// digestsOf returns every digest in an event's _sd arrays.
func digestsOf(t testing.TB, e *events.Event) (digests []string) {
	t.Helper()
	for _, leaf := range connecttest.Leaves(t, e.Data) {
		if strings.HasSuffix(leaf.Path, "/_sd/") {
			digests = append(digests, leaf.Text)
		}
	}
	return digests
}

// shapes are how things look that identify somebody or something, wherever in a
// record they stand.
var shapes = map[string]*regexp.Regexp{
	"IPv4 address":   regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`),
	"IPv6 address":   regexp.MustCompile(`(?i)\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b|\b(?:[0-9a-f]{1,4}:)+:[0-9a-f]{1,4}\b`),
	"ARN":            regexp.MustCompile(`\barn:aws[a-z-]*:[^"\\\s,]+`),
	"e-mail address": regexp.MustCompile(`[\w.+-]+@[\w-]+\.[\w.-]+`),
	"key or id":      regexp.MustCompile(`\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA|AIDA|AROA|AGPA|AIPA|ANPA|ANVA|APKA)[A-Z0-9]{12,}\b`),
	"account":        regexp.MustCompile(`\b\d{12}\b`),
	"resource":       regexp.MustCompile(`\b(?:i|ami|vpc|vpce|subnet|sg|snap|vol|eni|rtb|igw|nat|eipalloc|acl)-[0-9a-f]{8,}\b`),
	"UUID":           regexp.MustCompile(`(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`),
}

// clearMembers are the members of a record that hold nothing but words of AWS'
// own. Every text in every other member is taken to identify somebody.
var clearMembers = []string{
	"apiVersion", "awsRegion", "eventCategory", "eventName", "eventSource", "eventTime", "eventType", "eventVersion",
	"sessionCredentialFromConsole",
}

// coincidences are values of other members that do occur in what events say in
// the clear, because they are words of AWS' or of ours as well. It is a list and
// no rule, so that each new one is looked at. Names are trivial at times: a
// database's first user is called admin, which is also what an access can be.
var coincidences = map[string]string{
	"us-east-1":            "region, in request parameters",
	"us-north-2r":          "region, in response elements",
	"ap-westeast-2r":       "region, in request parameters",
	"sagov-westsouth-1r":   "region, in response elements",
	"AWS::IAM::Role":       "kind of resource",
	"AWS::KMS::Key":        "kind of resource",
	"AWS::S3::Bucket":      "kind of resource",
	"s3:GetBucketAcl":      "action in a bucket's policy, and an operation",
	"s3:ListBucket":        "action in a bucket's policy, and the beginning of an operation",
	"s3:GetBucketLocation": "action in a bucket's policy, and an operation",
	"CreateRouteTable":     "origin of a route, and an operation",
	"Association":          "kind of compliance, and part of operations",
	"Credit":               "kind of cost, and part of an operation",
	"Parameter":            "kind of resource, and part of operations",
	"Pending":              "state, and part of an operation",
	"Policy":               "kind of boundary, and part of operations",
	"Role":                 "kind of issuer, and part of operations",
	"instance":             "kind of resource, and part of a service's name",
	"aws":                  "partition, and our network of AWS' services",
	"admin":                "name of a database's first user, and our kind of access",
	"open":                 "state, and part of our event type",
	"state":                "name of a filter, and part of our word unstated",
	"1.0":                  "version of role delivery, and of CloudEvents",
}

// identifying returns what must not be found in any event, as it can be seen
// without knowing how records are mapped.
func identifying(t testing.TB, raw []string) map[string]string {
	values := map[string]string{}
	for _, record := range raw {
		for name, shape := range shapes {
			for _, value := range shape.FindAllString(record, -1) {
				values[value] = name
			}
		}
		for _, leaf := range connecttest.Leaves(t, []byte(record)) {
			member := strings.Split(leaf.Path, "/")[1]
			if slices.Contains(clearMembers, member) || leaf.Text == "" {
				continue
			}
			values[leaf.Text] = leaf.Path
			if strings.HasSuffix(leaf.Path, "/principalId") {
				for _, part := range strings.Split(leaf.Text, ":") {
					values[part] = leaf.Path
				}
			}
		}
	}
	return values
}

// TestNothingLeaks searches the events of all real logs for everything that
// their records say beside AWS' own words.
func TestNothingLeaks(t *testing.T) {
	var raw, lines []string
	for i, log := range realLogs {
		all := importAll(t, realDir(t, log.dir), byte(i), connecttest.NewTable())
		raw, lines = append(raw, all.raw...), append(lines, all.lines...)
	}
	values := identifying(t, raw)
	t.Logf("%d values to search for in %d events", len(values), len(lines))
	if len(values) < 5000 {
		t.Errorf("only %d values: has something gone wrong with collecting them?", len(values))
	}

	// What the events say in the clear: everything but times, and what is random
	// or a hash (ids, nonces, digests, pseudonyms).
	said := map[string]bool{}
	for _, l := range lines {
		for _, leaf := range connecttest.Leaves(t, []byte(l)) {
			switch {
			case strings.HasSuffix(leaf.Path, "/_sd/"), leaf.Path == "/id", leaf.Path == "/nonce", leaf.Path == "/time",
				leaf.Path == "/data/actor/id", leaf.Path == "/data/session":
			default:
				said[leaf.Text] = true
			}
		}
	}
	t.Logf("%d different texts in the clear", len(said))
	leaked := map[string][]string{}
	for value, where := range values {
		for text := range said {
			if text == value || len(value) >= 4 && strings.Contains(text, value) {
				leaked[value] = append(leaked[value], where+" in "+text)
			}
		}
	}
	for value, where := range leaked {
		if coincidences[value] == "" {
			t.Errorf("%q leaks: %v", value, where)
		}
	}
	for value := range coincidences {
		if leaked[value] == nil {
			t.Errorf("%q is no coincidence any more: take it off the list", value)
		}
	}

	// And all of it but the times, random or not: from eight bytes on nothing
	// occurs in it by chance.
	index := suffixarray.New(times.ReplaceAll([]byte(strings.Join(lines, "\n")), nil))
	for value, where := range values {
		if len(value) >= 8 && coincidences[value] == "" && len(index.Lookup([]byte(value), 1)) > 0 {
			t.Errorf("%q (%s) leaks", value, where)
		}
	}
}

var times = regexp.MustCompile(`"time":"[0-9TZ:.-]+",`)

// leftOut are the members that stay with the record: tokens and other answers,
// TLS details, and the request's id.
var leftOut = []string{"managementEvent", "requestID", "responseElements", "tlsDetails"}

// TestDisclosuresHold looks for everything that records say in what is disclosed
// with their events, and for what is disclosed in the records.
func TestDisclosuresHold(t *testing.T) {
	for i, log := range realLogs {
		all := importAll(t, realDir(t, log.dir), byte(i), connecttest.NewTable())
		held := 0
		for i, record := range all.raw {
			d := all.drafts[i]
			disclosed, inRecord := map[string]bool{}, map[string]bool{}
			for _, one := range d.Disclosures {
				// Not Open: it turns numbers into floats, which read differently.
				b, err := base64.RawURLEncoding.DecodeString(string(one))
				if err != nil {
					t.Fatal(err)
				}
				var parts []json.RawMessage // salt, name, value
				if err := json.Unmarshal(b, &parts); err != nil || len(parts) != 3 {
					t.Fatal(len(parts), err)
				}
				for _, leaf := range connecttest.Leaves(t, parts[2]) {
					disclosed[leaf.Text] = true
				}
			}
			kind := resourceKind(t, d.Event)
			for _, leaf := range connecttest.Leaves(t, []byte(record)) {
				inRecord[leaf.Text] = true
				member := strings.Split(leaf.Path, "/")[1]
				switch {
				case slices.Contains(leftOut, member), slices.Contains(clearMembers, member), leaf.Text == "":
				case leaf.Path == "/resources//type" && leaf.Text == kind:
				case disclosed[leaf.Text]:
					held++
				default:
					t.Errorf("event %s discloses nothing of %s", d.Event.ID, leaf.Path)
				}
			}
			inRecord[events.DigestOf([]byte(record)).String()] = true
			for text := range disclosed {
				if !inRecord[text] {
					t.Errorf("event %s discloses %.80q, which is not in its record", d.Event.ID, text)
				}
			}
			connecttest.Opened(t, d) // each has its digest in the event
		}
		t.Logf("%s: %d values in disclosures", log.dir, held)
	}
}

func resourceKind(t testing.TB, e *events.Event) string {
	t.Helper()
	var data struct{ Resource events.Resource }
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data.Resource.Kind
}

// TestRealWords shows what is made of the real logs, to be looked at with -v,
// and holds some of what is known about them.
func TestRealWords(t *testing.T) {
	counts := map[string]map[string]int{}
	for i, log := range realLogs {
		for _, d := range importAll(t, realDir(t, log.dir), byte(i), connecttest.NewTable()).drafts {
			for _, leaf := range connecttest.Leaves(t, d.Event.Data) {
				switch leaf.Path {
				case "/access", "/outcome", "/mode", "/actor/kind", "/reason/code", "/from/network", "/ended":
					if counts[leaf.Path] == nil {
						counts[leaf.Path] = map[string]int{}
					}
					counts[leaf.Path][leaf.Text]++
				}
			}
		}
	}
	for path, words := range counts {
		t.Log(path, words)
	}
	for _, want := range []struct {
		path, word string
		count      int
	}{
		{"/access", "read", 2587},                   // readOnly is true
		{"/reason/code", "automated_operation", 42}, // AwsServiceEvent
		{"/outcome", "denied", 111},                 // AccessDenied, Client.UnauthorizedOperation
		{"/outcome", "failure", 241},                // every other errorCode
		{"/ended", "unstated", 3},                   // TerminateSession
	} {
		if got := counts[want.path][want.word]; got != want.count {
			t.Errorf("%s %s: %d times, want %d", want.path, want.word, got, want.count)
		}
	}
}
