package cloudtrail_test

import (
	"testing"

	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
	"github.com/saksi-ledger/saksi/events/connect/connecttest"
)

var suite = connecttest.Suite{
	System: connect.System{Name: "cloudtrail", New: cloudtrail.New}, Dir: "testdata", Open: clearMembers,
	Words: []string{"AWS::S3::Object", "AWS::IAM::Role"},
}

func TestConnector(t *testing.T) { connecttest.Run(t, suite) }
