package cloudtrail_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
	"github.com/saksi-ledger/saksi/events/connect/connecttest"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// TestMapping holds the whole mapping, disclosures opened, against a file that
// people can read.
func TestMapping(t *testing.T) {
	const golden = "testdata/log.json.golden"
	raw, damage := collect(readFile(t, "testdata/log.json"), "log.json")
	if len(damage) > 0 {
		t.Fatal(damage)
	}
	names := connecttest.NewTable()
	c := newConnector(t, 2, names)
	var got bytes.Buffer
	for _, record := range raw {
		d, err := c.Draft([]byte(record))
		if err != nil {
			t.Fatal(err)
		}
		connecttest.Line(t, d)
		for _, shy := range []string{"alice", "111122223333", "192.0.2", "2001:db8", "payroll", "mallory", "EXAMPLE"} {
			if bytes.Contains(d.Event.Data, []byte(shy)) {
				t.Errorf("%s stands in the event:\n%s", shy, d.Event.Data)
			}
		}
		b, err := json.MarshalIndent(map[string]any{
			"id": d.Event.ID, "type": d.Event.Type, "time": d.Event.Time, "data": connecttest.Opened(t, d),
		}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(b, '\n'))
	}
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := readFile(t, golden); got.String() != want {
		t.Errorf("mapping differs from %s; look at it and run with -update.\n%s", golden, got.String())
	}
}

func TestAccess(t *testing.T) {
	for _, test := range []struct {
		source, name, readOnly string
		want                   events.Access
	}{
		{"ec2", "DescribeInstances", "true", events.AccessRead},
		{"sts", "AssumeRole", "true", events.AccessRead},
		{"ec2", "DescribeInstances", "null", events.AccessRead},
		{"ec2", "Getaway", "null", events.AccessUnstated},
		{"ec2", "RunInstances", "null", events.AccessWrite},
		{"ec2", "RunInstances", "false", events.AccessWrite},
		{"ec2", "GetPasswordData", "false", events.AccessWrite},
		{"ec2", "TerminateInstances", "false", events.AccessDelete},
		{"s3", "DeleteObject", "null", events.AccessDelete},
		{"s3", "PutBucketPolicy", "false", events.AccessAdmin},
		{"ec2", "AuthorizeSecurityGroupIngress", "false", events.AccessAdmin},
		{"ec2", "DeleteFlowLogs", "false", events.AccessAdmin},
		{"kms", "PutKeyPolicy", "false", events.AccessAdmin},
		{"kms", "ScheduleKeyDeletion", "false", events.AccessDelete},
		{"iam", "DeleteUser", "false", events.AccessAdmin},
		{"iam", "DeleteUser", "null", events.AccessAdmin},
		{"cloudtrail", "StopLogging", "false", events.AccessAdmin},
		{"autoscaling", "PutScalingPolicy", "false", events.AccessWrite},
		{"new", "Frobnicate", "false", events.AccessWrite},
		{"new", "Frobnicate", "null", events.AccessUnstated},
	} {
		record := `{"eventVersion":"1.08","eventTime":"2026-03-02T08:15:30Z","eventSource":"` + test.source + `.amazonaws.com","eventName":"` + test.name + `","readOnly":` + test.readOnly + `}`
		d, err := newConnector(t, 3, connecttest.NewTable()).Draft([]byte(record))
		if err != nil {
			t.Fatal(err)
		}
		var data events.AccessPerformed
		if err := json.Unmarshal(d.Event.Data, &data); err != nil {
			t.Fatal(err)
		}
		if data.Access != test.want {
			t.Errorf("%s:%s, readOnly %s: %s, want %s", test.source, test.name, test.readOnly, data.Access, test.want)
		}
	}
}

// TestOnlyVocabulary puts into each member that is repeated in the clear what
// must not be.
func TestOnlyVocabulary(t *testing.T) {
	for _, test := range []struct{ source, name, region, kind, want string }{
		{"kms.amazonaws.com", "Decrypt", "my-central-1", "AWS::KMS::Key", "kms:Decrypt my-central-1 AWS::KMS::Key"},
		{"s3.amazonaws.com", "REST.GET.OBJECT", "cn-north-1", "", "s3:REST.GET.OBJECT cn-north-1 s3"},
		{"s3.amazonaws.com.cn", "GetObject", "", "AWS::S3::payroll.csv", "s3:GetObject  s3"},
		{"192.0.2.1", "alice@example.com", "10.0.0.1", "payroll::S3::Bucket", "unstated:unstated  unstated"},
		{"111122223333", "arn:aws:iam::1:user/a", "111122223333", "AWS::S3::111122223333", "unstated:unstated  unstated"},
		{strings.Repeat("a", 65), strings.Repeat("a", 129), strings.Repeat("a", 65), "AWS::S3::" + strings.Repeat("a", 41), "unstated:unstated  unstated"},
	} {
		record, err := json.Marshal(map[string]any{
			"eventVersion": "1.08", "eventTime": "2026-03-02T08:15:30Z", "eventSource": test.source, "eventName": test.name, "awsRegion": test.region,
			"resources": []any{map[string]any{"type": test.kind}},
		})
		if err != nil {
			t.Fatal(err)
		}
		d, err := newConnector(t, 7, connecttest.NewTable()).Draft(record)
		if err != nil {
			t.Fatal(err)
		}
		connecttest.Line(t, d)
		var data events.AccessPerformed
		if err := json.Unmarshal(d.Event.Data, &data); err != nil {
			t.Fatal(err)
		}
		if got := data.Operation + " " + data.Region + " " + data.Resource.Kind; got != test.want {
			t.Errorf("%s: %q, want %q", record, got, test.want)
		}
	}
}

func TestDraftErrors(t *testing.T) {
	const good = `"eventVersion":"1.08","eventTime":"2026-03-02T08:15:30Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances"`
	c := newConnector(t, 4, connecttest.NewTable())
	if _, err := c.Draft([]byte(`{` + good + `}`)); err != nil {
		t.Fatal(err)
	}
	for name, record := range map[string]string{
		"empty":            ``,
		"not an object":    `[1]`,
		"no members":       `{}`,
		"trailing bytes":   `{` + good + `} {}`,
		"cut off":          `{` + good,
		"duplicate name":   `{` + good + `,"readOnly":true,"readOnly":false}`,
		"duplicate inside": `{` + good + `,"requestParameters":{"secretName":1,"secretName":2}}`,
		"not UTF-8":        `{` + good + `,"userAgent":"` + "\xff" + `"}`,
		"wrong type":       `{` + good + `,"userAgent":{"secret":"value"}}`,
		"no time":          `{"eventVersion":"1.08","eventSource":"ec2.amazonaws.com","eventName":"RunInstances"}`,
		"impossible time":  `{"eventVersion":"1.08","eventTime":"2026-02-30T08:15:30Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances"}`,
		"time before 1":    `{"eventVersion":"1.08","eventTime":"0001-01-01T00:00:00+23:00","eventSource":"ec2.amazonaws.com","eventName":"RunInstances"}`,
		"time after 9999":  `{"eventVersion":"1.08","eventTime":"9999-12-31T23:59:59-23:00","eventSource":"ec2.amazonaws.com","eventName":"RunInstances"}`,
		"no source":        `{"eventVersion":"1.08","eventTime":"2026-03-02T08:15:30Z","eventName":"RunInstances"}`,
		"too large":        `{` + good + `,"userAgent":"` + strings.Repeat("a", connect.MaxRecord) + `"}`,
		"too deep":         `{` + good + `,"requestParameters":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		d, err := c.Draft([]byte(record))
		if err == nil {
			t.Errorf("%s: made %s", name, d.Event.Data)
		} else if strings.Contains(err.Error(), "value") || strings.Contains(err.Error(), "secretName") {
			t.Errorf("%s: the error repeats the record: %v", name, err)
		}
	}
	for _, record := range []string{`{` + good + `,"eventType":"AwsCloudTrailInsight"}`, `{` + good + `,"eventCategory":"Insight"}`} {
		if _, err := c.Draft([]byte(record)); !errors.Is(err, connect.ErrNoEvent) {
			t.Errorf("%s: %v, want ErrNoEvent", record, err)
		}
	}
}

func TestLargeFacts(t *testing.T) {
	long := strings.Repeat("a", 100<<10)
	record := `{"eventVersion":"1.08","eventTime":"2026-03-02T08:15:30Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances",` +
		`"userAgent":"` + long + `","requestParameters":{"data":"` + long + `"}}`
	d, err := newConnector(t, 5, connecttest.NewTable()).Draft([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	connecttest.Line(t, d)
	data := connecttest.Opened(t, d).(map[string]any)
	if got := data["from"].(map[string]any)["_sd"].(map[string]any)["userAgentDigest"]; got != events.DigestOf([]byte(long)).String() {
		t.Errorf("userAgentDigest: %v", got)
	}
	if got := data["_sd"].(map[string]any)["requestParametersDigest"]; got != events.DigestOf([]byte(`{"data":"`+long+`"}`)).String() {
		t.Errorf("requestParametersDigest: %v", got)
	}
}

// TestEventID fixes what importing twice relies on, for good.
func TestEventID(t *testing.T) {
	const rest = `"eventVersion":"1.08","eventTime":"2026-03-02T08:15:30Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances"}`
	c := newConnector(t, 6, connecttest.NewTable())
	id := func(record string) string {
		d, err := c.Draft([]byte(record))
		if err != nil {
			t.Fatal(err)
		}
		return d.Event.ID
	}
	// printf 'aws.cloudtrail\n00000000-0000-4000-8000-00000000000a' | sha256sum
	const want = "0c16b9ce4f54931bc24d3b70a8cc0bce"
	upper, lower := id(`{"eventID":"00000000-0000-4000-8000-00000000000A",`+rest), id(`{"eventID":"00000000-0000-4000-8000-00000000000a",`+rest)
	if upper != lower || lower != want {
		t.Errorf("ids %s and %s: want %s", upper, lower, want)
	}
	// printf 'aws.cloudtrail.record\n{"eventName":"RunInstances","eventSource":"ec2.amazonaws.com","eventVersion":"1.08","eventTime":"2026-03-02T08:15:30Z","eventVersion":"1.08"}' | sha256sum
	const wantRecord = "149643bb2843fb4eb978b8b82df471cc"
	if got := id(`{` + rest); got != id(`{ `+rest) || got != wantRecord {
		t.Errorf("id of a record without an eventID: %s, want %s", got, wantRecord)
	}
	// A number from 1 to 999 could be guessed from its hash.
	if id(`{"eventID":"7",`+rest) == id(`{"eventID":"7","awsRegion":"eu-west-1",`+rest) {
		t.Error("an eventID that isn't a UUID is hashed alone")
	}
}

func TestOptions(t *testing.T) {
	recorder, _ := events.ParseRecorder("nimbus-my/lab-1/cloudtrail")
	registry := events.RegistryRecorder("mcmc")
	pseudonym := connecttest.NewTable().Pseudonym
	for name, o := range map[string]connect.Options{
		"no recorder":       {Party: events.PartyOperator, Pseudonym: pseudonym},
		"registry recorder": {Recorder: registry, Party: events.PartyOperator, Pseudonym: pseudonym},
		"no party":          {Recorder: recorder, Pseudonym: pseudonym},
		"unknown party":     {Recorder: recorder, Party: "friend", Pseudonym: pseudonym},
		"no pseudonym":      {Recorder: recorder, Party: events.PartyOperator},
	} {
		if _, err := cloudtrail.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	record := []byte(`{"eventVersion":"1.08","eventTime":"2026-03-02T08:15:30Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","userIdentity":{"userName":"alice.example"}}`)
	broken := errors.New("table is locked")
	for name, pseudonym := range map[string]func(string) (string, error){
		"the name itself": func(s string) (string, error) { return strings.TrimPrefix(s, "user:/"), nil },
		"around the name": func(s string) (string, error) { return "p-" + s, nil },
		"empty":           func(string) (string, error) { return "", nil },
		"too long":        func(string) (string, error) { return strings.Repeat("a", 129), nil },
		"control":         func(string) (string, error) { return "a\nb", nil },
		"not UTF-8":       func(string) (string, error) { return "\xff", nil },
		"failing":         func(string) (string, error) { return "", broken },
	} {
		c, err := cloudtrail.New(connect.Options{Recorder: recorder, Party: events.PartyVendor, Pseudonym: pseudonym})
		if err != nil {
			t.Fatal(err)
		}
		d, err := c.Draft(record)
		if err == nil {
			t.Errorf("pseudonym %s: made %s", name, d[0].Event.Data)
		} else if strings.Contains(err.Error(), "alice") || name == "failing" && !errors.Is(err, broken) {
			t.Errorf("pseudonym %s: %v", name, err)
		}
	}
}
