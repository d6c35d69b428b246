package lab

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Database is a running server that belongs to one test.
type Database struct {
	// Host and Port are for TCP, with TLS by the certificate of localhost that CA
	// has signed; TLSPort is where it is TLS from the beginning, 0 for nowhere.
	Host          string
	Port, TLSPort int
	// Socket is its Unix socket, or the directory of it for PostgreSQL.
	Socket string
	CA     string
	// User may read, with Password.
	User, Password string

	t    testing.TB
	root string
	cmd  *exec.Cmd
}

// The password of everybody in the databases.
const databasePassword = "a b'c\\d\"e"

// StartPostgres starts PostgreSQL with a database mail, and has it do statements of
// SQL.
func StartPostgres(t testing.TB, sql string) *Database {
	t.Helper()
	d, inside := newDatabase(t, "postgres")
	d.User = "mail"
	const bin = "/usr/lib/postgresql/15/bin/"
	d.run("postgres", bin+"initdb", "-D", inside+"/data", "-U", "postgres", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256")
	d.start("--userspec=postgres:postgres", d.root, bin+"postgres", "-D", inside+"/data", "-p", strconv.Itoa(d.Port), "-k", inside, "-h", d.Host,
		"-c", "fsync=off", "-c", "ssl=on", "-c", "ssl_cert_file="+inside+"/cert.pem", "-c", "ssl_key_file="+inside+"/cert.key")
	d.Socket = filepath.Join(d.root, inside)
	d.await(d.Socket + "/.s.PGSQL." + strconv.Itoa(d.Port))
	// It listens a little before it lets anybody in.
	_, err := d.psql(inside, "SELECT 1")
	for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); _, err = d.psql(inside, "SELECT 1") {
		time.Sleep(50 * time.Millisecond)
	}
	for _, text := range []string{
		"CREATE DATABASE mail", "CREATE ROLE mail LOGIN PASSWORD '" + strings.ReplaceAll(databasePassword, "'", "''") + "'",
		"\\connect mail\n" + sql + ";GRANT SELECT ON ALL TABLES IN SCHEMA public TO mail",
	} {
		if out, err := d.psql(inside, text); err != nil {
			t.Fatalf("psql: %v\n%s", err, out)
		}
	}
	return d
}

// psql has PostgreSQL do statements as its owner.
func (d *Database) psql(inside, text string) ([]byte, error) {
	cmd := exec.Command("chroot", "--userspec=postgres:postgres", d.root, "/usr/bin/psql",
		"-q", "-v", "ON_ERROR_STOP=1", "-h", inside, "-p", strconv.Itoa(d.Port), "-U", "postgres")
	cmd.Stdin = strings.NewReader(text)
	return cmd.CombinedOutput()
}

// StartLDAP starts OpenLDAP with dc=example,dc=org and entries below it, as LDIF.
func StartLDAP(t testing.TB, ldif string) *Database {
	t.Helper()
	d, inside := newDatabase(t, "openldap")
	d.User, d.TLSPort = "cn=mail,dc=example,dc=org", freePort(t)
	base := filepath.Join(d.root, inside)
	ldif = "dn: dc=example,dc=org\nobjectClass: domain\ndc: example\n\ndn: " + d.User +
		"\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: mail\nuserPassword: " + databasePassword + "\n\n" + ldif
	if err := firstOf(os.WriteFile(base+"/slapd.conf", fmt.Appendf(nil, slapdConf, inside), 0o644), os.WriteFile(base+"/data.ldif", []byte(ldif), 0o644)); err != nil {
		t.Fatal(err)
	}
	d.run("openldap", "/usr/sbin/slapadd", "-q", "-f", inside+"/slapd.conf", "-l", inside+"/data.ldif")
	urls := fmt.Sprintf("ldap://%[1]s:%[2]d ldaps://%[1]s:%[3]d ldapi://%[4]s", d.Host, d.Port, d.TLSPort, strings.ReplaceAll(inside+"/ldapi", "/", "%2F"))
	d.start("--userspec=openldap:openldap", d.root, "/usr/sbin/slapd", "-d", "0", "-f", inside+"/slapd.conf", "-h", urls)
	d.Socket = base + "/ldapi"
	d.await(d.Socket)
	return d
}

// slapdConf: %[1]s is the folder.
const slapdConf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile %[1]s/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/cert.key
database mdb
suffix dc=example,dc=org
directory %[1]s/data
access to * by dn.exact="cn=mail,dc=example,dc=org" read by anonymous auth
`

// newDatabase makes the folder of a server, which runs as user in the root of the
// part; inside is what the folder is called there.
func newDatabase(t testing.TB, user string) (d *Database, inside string) {
	t.Helper()
	needRoot(t, "a database")
	if _, err := os.Stat(filepath.Join(Root(), "databases/installed")); err != nil {
		Missing(t, "PostgreSQL and OpenLDAP", "internal/lab/lab.sh install databases")
	}
	d = &Database{
		Host: "127.0.0.1", Port: freePort(t), CA: filepath.Join(Root(), "ca/ca.pem"), Password: databasePassword,
		t: t, root: filepath.Join(Root(), "databases/root"),
	}
	base, err := os.MkdirTemp(filepath.Join(d.root, "var/tmp"), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	for from, to := range map[string]string{"good.pem": "cert.pem", "good.key": "cert.key"} {
		text, err := os.ReadFile(filepath.Join(Root(), "ca", from))
		if err := firstOf(err, os.WriteFile(filepath.Join(base, to), text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	inside = "/var/tmp/" + filepath.Base(base)
	if err := os.Mkdir(base+"/data", 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chroot", d.root, "chown", "-R", user+":"+user, inside).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v\n%s", err, out)
	}
	if err := os.Chmod(base, 0o755); err != nil { //nolint:gosec // so that others find the socket
		t.Fatal(err)
	}
	return d, inside
}

func freePort(t testing.TB) int {
	t.Helper()
	_, port, _ := net.SplitHostPort(free(t))
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// run runs a command of the part as user, and waits for it.
func (d *Database) run(user string, command ...string) {
	d.t.Helper()
	if out, err := exec.Command("chroot", append([]string{"--userspec=" + user + ":" + user, d.root}, command...)...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", command[0], err, out)
	}
}

func (d *Database) start(args ...string) {
	d.t.Helper()
	d.cmd = exec.Command("chroot", args...)
	var said bytes.Buffer
	d.cmd.Stdout, d.cmd.Stderr = &said, &said
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		d.Signal(syscall.SIGCONT)
		d.Signal(syscall.SIGINT)
		d.cmd.Wait() //nolint:errcheck // it was told to end
		if d.t.Failed() {
			d.t.Logf("the database said: %s", said.String())
		}
	})
}

// Signal sends the server a signal: SIGSTOP has it hang, SIGCONT go on.
func (d *Database) Signal(s syscall.Signal) { _ = d.cmd.Process.Signal(s) }

// await waits until somebody listens to a Unix socket.
func (d *Database) await(socket string) {
	d.t.Helper()
	for range 400 {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.t.Fatalf("nobody listens to %s", socket)
}
