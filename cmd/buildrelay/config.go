package main

import (
	"cmp"
	"log/slog"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
)

// prefix begins the name of every setting.
const prefix = "RELAY_"

// Config is all settings of the relay. The comments are the manual: docs/CONFIG.md
// is made of them.
type Config struct {
	// Address to listen on, as host:port. An empty host means all addresses, port 0
	// any free port.
	Listen string `env:"LISTEN" envDefault:":6001"`
	// Whether to serve TLS: on or off. Off is accepted while LISTEN is a loopback
	// address, else only together with ACKNOWLEDGE_INSECURE.
	TLS Switch `env:"TLS" envDefault:"on"`
	// PEM file with the certificate, followed by the chain. It is read again when it changes.
	TLSCertFile string `env:"TLS_CERT_FILE"`
	// PEM file with the certificate's key.
	TLSKeyFile string `env:"TLS_KEY_FILE"`
	// Directory of an ACME server that the certificate comes from, instead of files, such as
	// https://ca.example.com/acme/directory. It asks at port 443 of ACME_HOSTS (tls-alpn-01),
	// which must lead to LISTEN. Certificates are kept in DATA_DIR.
	ACMEDirectory string `env:"ACME_DIRECTORY"`
	// Host names to have certificates for, with commas between them.
	ACMEHosts string `env:"ACME_HOSTS"`
	// Address that the ACME server may write to.
	ACMEEmail string `env:"ACME_EMAIL"`
	// PEM file with the authority that signed the ACME server's own certificate. Empty means
	// those that the system trusts.
	ACMECAFile string `env:"ACME_CA_FILE"`
	// How long browsers are to use nothing but TLS with the host of a page that they were
	// shown, at any port of it (HSTS); 0 means that they are not told to.
	HSTS time.Duration `env:"HSTS" envDefault:"8760h"`
	// Set to true to serve without TLS on an address that others can reach: behind a
	// proxy that ends TLS, say.
	AcknowledgeInsecure bool `env:"ACKNOWLEDGE_INSECURE"`

	// Where Redis (7 or later) is: redis://[user:password@]host:port/db. For Sentinels
	// redis+sentinel://[user:password@]host:port,host:port/MASTER/db, with the parameters
	// sentinel_user and sentinel_password if they have their own; for a Redis Cluster
	// redis+cluster://[user:password@]host:port,host:port. For TLS rediss instead of redis.
	RedisURL auth.Secret `env:"REDIS_URL"`
	// File that holds REDIS_URL.
	RedisURLFile auth.Secret `env:"REDIS_URL_FILE,file"`
	// PEM file with the authority that signed the Redis server's certificate. Empty
	// means those that the system trusts.
	RedisCAFile string `env:"REDIS_CA_FILE"`
	// PEM file with the certificate to show to Redis, where it wants one, and the chain.
	RedisCertFile string `env:"REDIS_CERT_FILE"`
	// PEM file with that certificate's key.
	RedisKeyFile string `env:"REDIS_KEY_FILE"`
	// First part of the names of all Redis channels.
	RedisPrefix string `env:"REDIS_PREFIX" envDefault:"buildrelay"`
	// Slanger's Redis contract for the app, beside our own: off, on, or any. With on a
	// message must name the channel that it was published on, with any it may name
	// another.
	RedisSlanger SlangerMode `env:"REDIS_SLANGER" envDefault:"off"`

	// YAML file with the apps, instead of the settings APP_… and LOG_RULES, for one app or
	// many; docs/OPERATIONS.md describes it. It is read again when it changes. With
	// REDIS_SLANGER Slanger's app is the one that is the first in the file at the start.
	AppsFile string `env:"APPS_FILE"`
	// Id of the app, part of the HTTP API's paths. Beside APPS_FILE, for pipe, tail
	// and demo --backend, it says which app of the file is meant; without it the first is.
	AppID string `env:"APP_ID"`
	// Key of the app, which clients connect with.
	AppKey string `env:"APP_KEY"`
	// Secret of the app, which signs subscriptions and HTTP API calls.
	AppSecret auth.Secret `env:"APP_SECRET"`
	// File that holds APP_SECRET.
	AppSecretFile auth.Secret `env:"APP_SECRET_FILE,file"`
	// Set to false to refuse the app's clients (4003) and API calls (403).
	AppEnabled bool `env:"APP_ENABLED" envDefault:"true"`
	// Most connections that the app may have on this node; 0 means no limit. One more
	// is refused (4004).
	AppMaxConnections int `env:"APP_MAX_CONNECTIONS"`

	// Whether the app's clients may send events to each other, on private and presence
	// channels that they subscribe to.
	AppClientEvents bool `env:"APP_CLIENT_EVENTS"`
	// Most client events of one connection in a second; 0 means no limit. One more is
	// refused (4301).
	AppMaxClientEvents int `env:"APP_MAX_CLIENT_EVENTS" envDefault:"10"`
	// Most members of a presence channel, over all nodes; 0 means no limit.
	AppMaxMembers int `env:"APP_MAX_MEMBERS" envDefault:"100"`
	// Whether subscribers are told how many they are (pusher:subscription_count).
	AppSubscriptionCounts bool `env:"APP_SUBSCRIPTION_COUNTS"`
	// Whether users who sign in are told which of the users on their watchlist are online.
	AppWatchlists bool `env:"APP_WATCHLISTS"`
	// Time in which a client has to sign in or to subscribe to a private or presence
	// channel; else it is closed (4009). 0 means that it need not.
	AppAuthorizationTimeout time.Duration `env:"APP_AUTHORIZATION_TIMEOUT" envDefault:"0s"`
	// How long the last event of a cache channel is kept.
	AppCacheTTL time.Duration `env:"APP_CACHE_TTL" envDefault:"30m"`
	// Origins of the pages that may connect, with commas between them, such as
	// https://ci.example.com or https://*.example.com. Pages of others are refused (4009);
	// clients that are no browsers send none, and may connect. Empty means any.
	AppOrigins string `env:"APP_ORIGINS"`
	// Limits of the app that are not Pusher's, with spaces between them, by their names in
	// the apps file: data=100KiB channel_name=200. They count before APP_MAX_….
	AppLimits string `env:"APP_LIMITS"`
	// Webhooks of the app, as the apps file has them, in one line of YAML or JSON:
	// [{"url": "https://ci.example.com/hooks", "events": ["channel_occupied"]}]
	AppWebhooks auth.Secret `env:"APP_WEBHOOKS"`
	// Whether a client whose subscription is refused is told so by
	// pusher:subscription_error, too, as soketi does.
	AppSubscriptionErrors bool `env:"APP_SUBSCRIPTION_ERRORS"`

	// Which channels are log channels, whose events Redis keeps: rules with ; between
	// them, the first that matches counts. A rule is a channel name, with * for any
	// characters, and what differs from replay=none events=20000 bytes=8MiB keep=24h.
	// What is older than the newest events or bytes, or than keep, is trimmed; replay
	// is what a stock client gets when it subscribes: none, all, a number of events, or
	// an amount such as 64KiB. With replicas=1 whoever publishes through the relay is told
	// that an event is kept only when a replica of Redis has it, too. Presence, cache and
	// user channels have no logs. For build logs: private-build-* replay=all
	LogRules LogRules `env:"LOG_RULES"`

	// How events are masked, beside what publishers register by POST masks: rules with ; between
	// them, the first that matches a channel counts. A rule is a channel name, with * for any
	// characters, and what differs from field=text shapes=off notice=off. field is the member of
	// data that is JSON which goes on from event to event; shapes=on masks tokens that are known
	// by their form, such as those of GitHub or AWS; notice=on tells readers that something was
	// masked (relay:masked).
	MaskRules MaskRules `env:"MASK_RULES"`

	// Whether the entries of the app's logs are sealed with KEYS_FILE: off, accept-plain or
	// required. With accept-plain what is in a log unsealed is shown all the same, with required
	// it is not.
	AppSeal auth.Seal `env:"APP_SEAL" envDefault:"off"`

	// File with the keys that seal logs and secrets, made by 'buildrelay keys create'. Nobody
	// else may read it. It is read again when it changes.
	KeysFile string `env:"KEYS_FILE"`
	// Key of Vault's transit engine that KEYS_FILE is sealed with itself, such as
	// https://vault.example.com:8200/transit/keys/buildrelay.
	KeysVault string `env:"KEYS_VAULT"`
	// Token to show to Vault.
	VaultToken auth.Secret `env:"VAULT_TOKEN"`
	// File that holds VAULT_TOKEN.
	VaultTokenFile auth.Secret `env:"VAULT_TOKEN_FILE,file"`
	// PEM file with the authority that signed Vault's certificate. Empty means those that the
	// system trusts.
	VaultCAFile string `env:"VAULT_CA_FILE"`

	// PEM file with the authorities whose certificates callers of the HTTP API must show,
	// beside their signature. Empty means that they need none.
	APIClientCAFile string `env:"API_CLIENT_CA_FILE"`
	// Which of these certificates will do, by a DNS name or URI in them, with commas between
	// them and * for any characters, such as *.ci.example.com. Empty means all.
	APIClientNames string `env:"API_CLIENT_NAMES"`
	// PEM file with the revocation lists of the authorities of clients.
	ClientCRLFile string `env:"CLIENT_CRL_FILE"`
	// PEM file with the certificate that pipe and tail show to the HTTP API.
	APIClientCertFile string `env:"API_CLIENT_CERT_FILE"`
	// PEM file with that certificate's key.
	APIClientKeyFile string `env:"API_CLIENT_KEY_FILE"`

	// Whether the relay itself answers clients who ask for signatures, at /pusher/auth and
	// /pusher/user-auth, and who decides: off, forward (AUTH_URL is asked), oidc (by tokens that the
	// OpenID provider at AUTH_URL has signed), github or gitlab (whose API is asked, with the client's
	// own token, whether it may read the repository).
	Auth AuthMode `env:"AUTH" envDefault:"off"`
	// Address of who decides. With forward that of the CI, which is asked by a POST with the client's
	// cookies and Authorization: 2xx is yes, 3xx and 4xx but 429 are no. With oidc the issuer, as it calls
	// itself. With github and gitlab that of the API; empty means https://api.github.com and
	// https://gitlab.com/api/v4. It must begin with https, unless it is a loopback address or, but
	// for oidc, ACKNOWLEDGE_INSECURE is set.
	AuthURL string `env:"AUTH_URL"`
	// Id of the one app for which AUTH_URL decides and the relay signs. It must be set where
	// APPS_FILE has more than one.
	AuthApp string `env:"AUTH_APP"`
	// PEM file with the authority that signed AUTH_URL's certificate. Empty means those that the
	// system trusts.
	AuthCAFile string `env:"AUTH_CA_FILE"`
	// Which channels may be asked for, with spaces between them, and what their names hold, such
	// as private-build-{owner};{repo};{build}. All others are refused. No name may be of two of them.
	AuthChannels string `env:"AUTH_CHANNELS"`
	// How long an answer of who decides is believed (that there was none 1s at the most, a token's no
	// longer than the token); 0 means that it is asked each time.
	AuthCache time.Duration `env:"AUTH_CACHE" envDefault:"10s"`
	// With oidc, whom a token must be for (aud).
	AuthAudience string `env:"AUTH_AUDIENCE"`
	// With oidc, what a token must say of its owner for a channel, with spaces between them:
	// claims and values, with the fields of AUTH_CHANNELS and {channel}, such as
	// repositories={owner}/{repo}. A claim is a string or a list of strings. With ~= for = a * at the
	// end of one stands for anything: never for a claim that users choose themselves, such as a name.
	AuthClaims string `env:"AUTH_CLAIMS"`
	// With oidc, the claim that is the user's id.
	AuthUserClaim string `env:"AUTH_USER_CLAIM" envDefault:"sub"`
	// With oidc, the cookie that has the token, where the request has no Authorization: Bearer.
	AuthCookie string `env:"AUTH_COOKIE"`
	// With oidc, how far the issuer's clock may be from this node's, 5m at the most.
	AuthSkew time.Duration `env:"AUTH_SKEW" envDefault:"60s"`

	// Where webhooks may go beyond public addresses: networks such as 10.1.0.0/16, addresses,
	// and the words private and loopback, with commas between them.
	WebhookNetworks string `env:"WEBHOOK_NETWORKS"`
	// Addresses and networks of the proxies whose X-Forwarded-For is believed, with commas
	// between them. Others are taken for the client themselves.
	TrustedProxies Networks `env:"TRUSTED_PROXIES"`

	// Most connections of this node; 0 means no limit, but that of the file descriptors, an
	// eighth of which is kept. One more is refused (4100), as it is by the next three.
	MaxConnections int `env:"MAX_CONNECTIONS"`
	// Most connections from one address; 0 means no limit. IPv6 addresses count by their
	// first 64 bits. A whole company may stand behind one address.
	MaxConnectionsPerAddress int `env:"MAX_CONNECTIONS_PER_ADDRESS"`
	// Most new connections of this node in a second; 0 means no limit.
	MaxHandshakes int `env:"MAX_HANDSHAKES"`
	// Most new connections from one address in a second; 0 means no limit.
	MaxHandshakesPerAddress int `env:"MAX_HANDSHAKES_PER_ADDRESS"`
	// Most calls of the HTTP API with a wrong signature that one address may make in a
	// second; 0 means no limit. Further ones get 429 without a look.
	MaxRefusedCalls int `env:"MAX_REFUSED_CALLS"`

	// How other nodes reach this one, such as https://10.0.0.5:6001, where a load balancer
	// sends the requests of one client without WebSockets to several nodes: each then passes on
	// what belongs to another. Empty is for a single node, and for balancers that keep a
	// client at one node.
	NodeURL string `env:"NODE_URL"`
	// Secret of at least 32 characters, the same on all nodes, by which they know each other.
	// Needed with NODE_URL.
	ClusterSecret auth.Secret `env:"CLUSTER_SECRET"`
	// File that holds CLUSTER_SECRET.
	ClusterSecretFile auth.Secret `env:"CLUSTER_SECRET_FILE,file"`
	// PEM file with the authority that signed the nodes' certificates, where NODE_URL begins
	// with https. Empty means those that the system trusts.
	NodeCAFile string `env:"NODE_CA_FILE"`
	// Host name of this node's own, which clients without WebSockets are told to send all
	// further requests of their session to, at the same port. Empty means that they stay with
	// the name that they have.
	NodeHostname string `env:"NODE_HOSTNAME"`

	// Address for /metrics (Prometheus), /healthz, /readyz, /usage (memory), /audit, /keys, /check,
	// /debug/pprof/ and /debug/goroutines. Empty turns it off.
	MetricsListen string `env:"METRICS_LISTEN" envDefault:"127.0.0.1:9601"`
	// Whether METRICS_LISTEN serves TLS, with the same certificate as LISTEN: on or off.
	MetricsTLS Switch `env:"METRICS_TLS" envDefault:"off"`
	// Token of at least 32 characters that everybody has to show at METRICS_LISTEN, as a
	// password or a bearer token, but for /healthz and /readyz. Without it and ADMIN_CLIENT_CA_FILE
	// all is shown while METRICS_LISTEN is a loopback address, else only metrics and health.
	AdminToken auth.Secret `env:"ADMIN_TOKEN"`
	// File that holds ADMIN_TOKEN.
	AdminTokenFile auth.Secret `env:"ADMIN_TOKEN_FILE,file"`
	// PEM file with the authorities whose certificates will do instead of the token, where
	// METRICS_TLS is on.
	AdminClientCAFile string `env:"ADMIN_CLIENT_CA_FILE"`
	// Which of these certificates will do, as in API_CLIENT_NAMES.
	AdminClientNames string `env:"ADMIN_CLIENT_NAMES"`
	// Percent of the memory that the process may have (GOMEMLIMIT, or what the container
	// or the machine has) above which new clients are refused (4100), and /accept-traffic
	// answers 503, for load balancers that ask there, as with soketi; 0 means that memory
	// does not matter.
	AcceptTrafficMemory int `env:"ACCEPT_TRAFFIC_MEMORY" envDefault:"85"`
	// Least level that is logged: debug, info, warn or error.
	LogLevel slog.Level `env:"LOG_LEVEL" envDefault:"info"`

	// Folder for what the node keeps: the audit trail. It is made if it is not there. Empty
	// means that the node keeps nothing on disk.
	DataDir string `env:"DATA_DIR"`
	// How the audit trail is kept, where DATA_DIR or AUDIT_DATABASE says where: off, spooled or
	// strict. With spooled nobody waits for it; while the database is away records go to a
	// spool. With strict a subscription to a private or presence channel, and what
	// administrators do, is refused when it cannot be recorded within 2 s.
	Audit AuditMode `env:"AUDIT" envDefault:"spooled"`
	// Database of the audit trail: a file (SQLite), or postgres://user:password@host/name
	// where several nodes share one trail. Empty means audit.db in DATA_DIR. A server that is
	// not on this machine must have a certificate for its host, unless the address ends in
	// ?sslmode= and another of PostgreSQL's modes.
	AuditDatabase auth.Secret `env:"AUDIT_DATABASE"`
	// File that holds AUDIT_DATABASE.
	AuditDatabaseFile auth.Secret `env:"AUDIT_DATABASE_FILE,file"`
	// File with the key that shows whether somebody changed the trail: 64 hexadecimal digits,
	// the same for all nodes that share one. Empty means audit.key in DATA_DIR, which is made
	// at the first start.
	AuditKeyFile string `env:"AUDIT_KEY_FILE"`
	// Name under which the node writes to the trail. Empty means the host's name.
	AuditNode string `env:"AUDIT_NODE"`
	// How long records are kept; 0 means for ever.
	AuditKeep time.Duration `env:"AUDIT_KEEP" envDefault:"8760h"`
	// Most that is spooled while the database is away, in DATA_DIR, such as 64MiB. Without
	// DATA_DIR it is 10,000 records, in memory.
	AuditSpool appsfile.Bytes `env:"AUDIT_SPOOL" envDefault:"64MiB"`
	// Where records are sent, too, with commas between them: stdout,
	// syslog+udp://host:port, syslog+tcp://host:port, syslog+tls://host:port,
	// s3://ACCESS:SECRET@host/bucket/prefix.
	AuditOutlets auth.Secret `env:"AUDIT_OUTLETS"`
	// File that holds AUDIT_OUTLETS.
	AuditOutletsFile auth.Secret `env:"AUDIT_OUTLETS_FILE,file"`
	// Which events are recorded as what a job does: rules with ; between them, each a channel
	// name with * for any characters, and events with their actions, such as
	// private-build-* job:started=workflow.job.start job:finished=workflow.job.finish
	AuditJobs string `env:"AUDIT_JOBS"`

	// Silence after which clients send a ping; told to them at the handshake. In whole
	// seconds.
	ActivityTimeout time.Duration `env:"ACTIVITY_TIMEOUT" envDefault:"120s"`
	// Silence after which the relay sends a ping. Keep it below the idle time of any
	// load balancer.
	PingAfter time.Duration `env:"PING_AFTER" envDefault:"40s"`
	// How long the relay waits for the answer before it closes the connection (4201).
	PongTimeout time.Duration `env:"PONG_TIMEOUT" envDefault:"30s"`
	// How long a client may take nothing of what is sent to it before it is cut off.
	WriteTimeout time.Duration `env:"WRITE_TIMEOUT" envDefault:"30s"`
	// Least time between two writes for one channel. The first event after a pause is
	// written at once.
	FlushWindow time.Duration `env:"FLUSH_WINDOW" envDefault:"10ms"`
	// Memory for the events that slow readers have yet to read, all channels together,
	// such as 64MiB. 0 means a quarter of GOMEMLIMIT or, where that is not set, 256 MiB,
	// but no more than a quarter of what the container or the machine has.
	FeedMemory appsfile.Bytes `env:"FEED_MEMORY" envDefault:"0"`

	// How long the node goes on accepting clients after it was told to stop, so that a
	// load balancer notices that it is not ready.
	DrainDelay time.Duration `env:"DRAIN_DELAY" envDefault:"5s"`
	// Time over which the node then asks its clients, one after the other, to connect
	// elsewhere. They are asked all at once where Redis shows no other node. Over the same time
	// those are asked to reconnect whose key is revoked.
	DrainWindow time.Duration `env:"DRAIN_WINDOW" envDefault:"30s"`

	sealing sealingKeys // set by loadKeys
}

// loadConfig reads the settings from environ ("NAME=value") and checks them. The
// error names everything that is wrong.
func loadConfig(environ []string) (Config, error) {
	var c Config
	values := env.ToMap(environ)
	if err := env.ParseWithOptions(&c, env.Options{Prefix: prefix, Environment: values}); err != nil {
		return c, settingsError(err)
	}
	if listen, set := values[prefix+"METRICS_LISTEN"]; set {
		c.MetricsListen = listen // that it is empty means something, which the library does not know
	}
	c.RedisURL = cmp.Or(c.RedisURL, trim(c.RedisURLFile))
	c.AppSecret = cmp.Or(c.AppSecret, trim(c.AppSecretFile))
	c.ClusterSecret = cmp.Or(c.ClusterSecret, trim(c.ClusterSecretFile))
	c.AdminToken = cmp.Or(c.AdminToken, trim(c.AdminTokenFile))
	if c.VaultToken == "" {
		c.VaultToken, c.sealing.tokenFile = trim(c.VaultTokenFile), values[prefix+"VAULT_TOKEN_FILE"]
	}
	c.AuditDatabase = cmp.Or(c.AuditDatabase, trim(c.AuditDatabaseFile))
	c.AuditOutlets = cmp.Or(c.AuditOutlets, trim(c.AuditOutletsFile))
	return c, nil
}

// trim drops the line end that files have.
func trim(s auth.Secret) auth.Secret { return auth.Secret(strings.TrimSpace(string(s))) }
