package main

import (
	"flag"
	"fmt"
	"strings"
	"time"

	"buildrelay/relay/server"
)

// localHosts are what a certificate for trying things out is good for.
func localHosts() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// runCert is 'buildrelay cert': a certificate where there is no other.
func runCert(args []string) error {
	flags := flag.NewFlagSet("buildrelay cert", flag.ContinueOnError)
	dir := flags.String("dir", ".", "folder for ca.pem, cert.pem and key.pem")
	hosts := flags.String("host", "", "further host names or addresses, with commas between")
	if err := parse(flags, args); err != nil {
		return err
	}
	names := localHosts()
	for name := range strings.SplitSeq(*hosts, ",") {
		if name != "" {
			names = append(names, name)
		}
	}
	c, err := server.LocalCertificate(*dir, names, time.Now())
	if err != nil {
		return err
	}
	fmt.Printf("certificate %s\nkey         %s\nauthority   %s\n", c.Cert, c.Key, c.CA)
	return nil
}
