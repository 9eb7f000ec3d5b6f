package outlet

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"buildrelay/relay/audit"
)

const contentType = "application/x-ndjson"

// bucket collects records and puts them as objects of lines, each in one request. No other
// right is needed than s3:PutObject.
type bucket struct {
	// Static.
	target    Target
	chain     string // as objects' names have it
	times     times
	transport *http.Transport

	// Owned by the loop.
	client      *minio.Client // nil before the first use
	reached     bool
	text        []byte
	first, last int64 // of the records in text
}

func newBucket(t Target, chain string, times times, roots *x509.CertPool) *bucket {
	return &bucket{
		// A slash in a chain's name makes no folder.
		target: t, chain: url.PathEscape(chain), times: times,
		transport: &http.Transport{
			Proxy:               nil, // whatever the environment says
			DialContext:         (&net.Dialer{Timeout: times.answer}).DialContext,
			TLSHandshakeTimeout: times.answer,
			TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:   true,
			DisableCompression:  true,
			IdleConnTimeout:     times.bucket,
		},
	}
}

// send keeps records for settle. At first it looks whether an object can be put.
func (b *bucket) send(ctx context.Context, records []audit.Stored) error {
	if !b.reached {
		name := "buildrelay_connectivity_test_" + strconv.FormatInt(time.Now().Unix(), 10)
		if err := b.put(ctx, name, nil); err != nil {
			return err
		}
		b.reached = true
	}
	if len(records) == 0 {
		return nil
	}
	if len(b.text) == 0 {
		b.first = records[0].Seq
	}
	b.last = records[len(records)-1].Seq
	b.text = appendLines(b.text, records)
	return nil
}

func (b *bucket) head(ctx context.Context, head audit.Head) error {
	line, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("writing a head down: %w", err)
	}
	return b.put(ctx, b.name("%d.head", head.Seq), append(line, '\n'))
}

func (b *bucket) settle(ctx context.Context) error {
	if len(b.text) == 0 {
		return nil
	}
	if err := b.put(ctx, b.name("%d-%d", b.first, b.last), b.text); err != nil {
		return err
	}
	b.text = b.text[:0]
	return nil
}

func (b *bucket) drop() {
	b.text = nil
	b.transport.CloseIdleConnections()
}

// name is the object's, in a folder of the day on which it is put: who loads what is new finds
// it there, whenever it occurred.
func (b *bucket) name(format string, numbers ...any) string {
	return time.Now().UTC().Format("2006/01/02/") + b.chain + "-" + fmt.Sprintf(format, numbers...) + ".ndjson"
}

func (b *bucket) put(ctx context.Context, name string, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, b.times.put)
	defer cancel()
	if b.client == nil {
		client, err := b.target.client(b.transport)
		if err != nil {
			return err
		}
		b.client = client
	}
	options := minio.PutObjectOptions{
		ContentType: contentType,
		// Buckets that lock objects ask for it.
		SendContentMd5:   true,
		DisableMultipart: true,
		// Nothing, signed as a stream, would have no length, which servers ask for.
		DisableContentSha256: len(text) == 0,
	}
	name = path.Join(b.target.Prefix, name)
	if _, err := b.client.PutObject(ctx, b.target.Bucket, name, bytes.NewReader(text), int64(len(text)), options); err != nil {
		return fmt.Errorf("putting an object: %w", err)
	}
	return nil
}

// client returns a client for the target's bucket, which makes each request once.
func (t Target) client(transport http.RoundTripper) (*minio.Client, error) {
	client, err := minio.New(t.Host, &minio.Options{
		Creds:      credentials.NewStaticV4(string(t.Access), string(t.Secret), ""),
		Secure:     !t.Plain,
		Transport:  transport,
		Region:     t.Region,
		MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("reading the address of a bucket: %w", err)
	}
	return client, nil
}
