package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shownBy is the test, by directory, that shows an option obeyed; a name that
// ends in a dot stands for all that begin with it.
var shownBy = [...][3]string{
	{"DeliveryMode", "msp", "TestDeliveryModeIsObeyedAfterTheMessageIsSafe"},
	{"privacy", "msp", "TestPrivacyTellsNothingOfThisMachine"},
	{"notify.desktop", "internal/desktop", "TestTheDesktopIsToldOfWhatWasAskedFor"},
	{"HeloName", "smarthost", "TestTheNameInEHLOIsNeutralUnlessSet"},
	{"default_account", "internal/config", "TestAccountIsChosenBySender"},
	{"listen.msp", "cmd/mailcrane", "TestClientsThroughTheAgent"},
	{"system.", "cmd/mailcrane", "TestUsersHandTheirMailToTheMachinesAgent"},
	{"admin", "msp", "TestMailToAUserOfThisMachineReachesAPerson"},
	{"AliasFile", "msp", "TestAliasesSayWhereMailToALocalNameGoes"},
	{"network.probe", "netwatch/portal", "TestTheAnswerToAQuestion"},
	{"network.expect", "netwatch/portal", "TestTheAnswerToAQuestion"},
	{"account.NAME.from", "internal/config", "TestAccountIsChosenBySender"},
	{"account.NAME.smarthost", "smarthost", "TestMailGoesThroughTheAccountOfItsSender"},
	{"account.NAME.user", "smarthost", "TestMailGoesThroughTheAccountOfItsSender"},
	{"account.NAME.auth", "smarthost", "TestNobodyLogsInWithoutAuth"},
	{"account.NAME.secret", "smarthost", "TestAnUnreadableSecretIsTheRoutesFault"},
	{"account.NAME.tls.ca", "smarthost", "TestFaultsBeforeTheCertificateIsVerified"},
	{"account.NAME.tls.pin", "smarthost", "TestAPinReplacesTheCheckAgainstCAs"},
	{"account.NAME.tls.cert", "smarthost", "TestAClientCertificateLogsIn"},
	{"account.NAME.tls.key", "smarthost", "TestAClientCertificateLogsIn"},
	{"account.NAME.max_size", "internal/config", "TestABoundHoldsForAMeteredWayOut"},
	{"account.NAME.metered", "internal/config", "TestABoundHoldsForAMeteredWayOut"},
	{"account.NAME.sessions", "cmd/mailcrane", "TestSessionsAreThoseOfTheAccount"},
	{"account.NAME.expensive", "msp", "TestASubmissionCallsNoServerThatWaitsForARun"},
	{"account.NAME.on_demand", "queue", "TestWhatIsCalledOnDemandLeavesByWordOnly"},
	{"account.NAME.oauth.issuer", "smarthost/oauth", "TestAnIssuerIsFoundByWhatItPublishes"},
	{"account.NAME.oauth.client_id", "smarthost/oauth", "TestALogInByBrowser"},
	{"account.NAME.oauth.client_secret", "smarthost/oauth", "TestScopesAndPortAreThoseThatWereSet"},
	{"account.NAME.oauth.scopes", "smarthost/oauth", "TestScopesAndPortAreThoseThatWereSet"},
	{"account.NAME.oauth.port", "smarthost/oauth", "TestScopesAndPortAreThoseThatWereSet"},
	{"account.NAME.oauth.lifetime", "smarthost/oauth", "TestAnEndThatIsNearIsWarnedOf"},
	{"policy.NAME.", "netwatch/policy", "TestTheFirstRuleThatMatchesDecides"},
	{"account.NAME.tls.key_exchange", "smarthost", "TestKeyExchangeIsTheOneThatWasSet"},

	{"IgnoreDots", "msp", "TestOptionsOfASubmissionAreObeyedFromTheFile"},
	{"SaveFromLine", "msp", "TestOptionsOfASubmissionAreObeyedFromTheFile"},
	{"ErrorMode", "msp", "TestErrorModeSaysWhoHearsOfAFailure"},
	{"Verbose", "msp", "TestDeliveryModeIsObeyedAfterTheMessageIsSafe"},
	{"NoRecipientAction", "msp", "TestOptionsOfASubmissionAreObeyedFromTheFile"},
	{"PrivacyOptions", "msp", "TestBodiesAreNotReturnedWhereThatIsPrivate"},
	{"MaxHeadersLength", "msp", "TestOptionsOfASubmissionAreObeyedFromTheFile"},
	{"MaxMessageSize", "msp", "TestOptionsOfASubmissionAreObeyedFromTheFile"},
	{"MaxHopCount", "msp", "TestOptionsOfASubmissionAreObeyedFromTheFile"},
	{"MaxRecipientsPerMessage", "msp", "TestOptionsOfASubmissionAreObeyedFromTheFile"},
	{"MinFreeBlocks", "msp", "TestOptionsOfASubmissionAreObeyedFromTheFile"},

	{"QueueDirectory", "msp", "TestServicesUseTheQueueThatIsNamed"},
	{"queue.interval", "queue", "TestThePauseFollowsTheOptions"},
	{"MinQueueAge", "queue", "TestThePauseFollowsTheOptions"},
	{"MaxQueueAge", "queue", "TestThePauseFollowsTheOptions"},
	{"queue.age", "queue", "TestFiveSimulatedDays"},
	{"Timeout.queuereturn.", "queue", "TestFiveSimulatedDays"},
	{"Timeout.queuewarn.", "queue", "TestFiveSimulatedDays"},
	{"QueueTimeout", "internal/config", "TestSettingsGoOverTheFile"},
	{"queue.undo", "queue", "TestAMessageCanBeTakenBackForAWhile"},
	{"queue.future_release", "queue", "TestAServerThatKeepsMessagesGetsThemBeforeTheirTime"},
	{"queue.remember", "queue", "TestWhatIsRememberedHasABound"},
	{"queue.slow.", "queue", "TestAMessageThatWaitsLongGoesFromQueueToQueue"},

	{"QueueSortOrder", "queue", "TestTheOrderOfARunFollowsTheOptions"},
	{"MaxQueueRunSize", "queue", "TestTheOrderOfARunFollowsTheOptions"},
	{"RecipientFactor", "queue", "TestTheOrderOfARunFollowsTheOptions"},
	{"ClassFactor", "queue", "TestTheOrderOfARunFollowsTheOptions"},
	{"RetryFactor", "queue", "TestPriorityIsSendmails"},
	{"ForkEachJob", "queue", "TestSeparateSessionsAreOneForEachMessage"},
	{"ConnectionCacheSize", "internal/config", "TestSettingsGoOverTheFile"},
	{"ConnectionCacheTimeout", "mta/mx", "TestASessionIsClosedWhenItsTimeInTheCacheIsUp"},
	{"mta.exchange.cache_size", "mta/mx", "TestAsManySessionsStayOpenAsTheCacheTakes"},
	{"mta.exchange.port", "mta/mx", "TestEachOptionOfExchangersIsObeyed"},
	{"mta.exchange.sessions", "cmd/mailcrane", "TestTheSessionsWithOneDestinationAreBounded"},
	{"FallbackMXhost", "mta/mx", "TestTheFallbackHostIsTheLastExchanger"},
	{"FallbackSmartHost", "mta/mx", "TestTheFallbackSmartHostIsAskedOnceWhereAHostIsUnknown"},
	{"TryNullMXList", "mta/mx", "TestEachOptionOfExchangersIsObeyed"},
	{"ConnectOnlyTo", "mta/mx", "TestEachOptionOfExchangersIsObeyed"},
	{"TLSFallbacktoClear", "mta/mx", "TestMailGoesInTheClearWhereTLSFailsAndThatIsAllowed"},
	{"SingleThreadDelivery", "queue", "TestASecondSessionWithAHostIsNotOpenedWhereOneIsAllowed"},
	{"HoldExpensive", "queue", "TestMailOfAnExpensiveAccountGoesWithTheQueueRun"},
	{"DialDelay", "queue", "TestTheFirstConnectionIsTriedOnceMoreAfterDialDelay"},
	{"QueueLA", "queue", "TestTheOrderOfARunFollowsTheOptions"},
	{"QueueFactor", "queue", "TestTheOrderOfARunFollowsTheOptions"},
	{"HostStatusDirectory", "queue/hoststatus", "TestAFileIsSendmails"},
	{"Timeout.hoststatus", "queue", "TestTheStatusOfAHostIsBelievedForAWhile"},

	{"DoubleBounceAddress", "queue", "TestEveryChainOfFailuresEnds"},
	{"ErrorHeader", "cmd/mailcrane", "TestReportsBeginWithWhatErrorHeaderSays"},
	{"PostmasterCopy", "queue", "TestThePostmasterSeesFailures"},
	{"DeadLetterDrop", "queue", "TestADeadLetterIsSafeAndPrivate"},

	{"Timeout", "internal/config", "TestSettingsGoOverTheFile"},
	{"Timeout.connect", "smarthost", "TestConnectIsGivenUpInTime"},
	{"Timeout.iconnect", "smarthost", "TestConnectIsGivenUpInTime"},
	{"Timeout.aconnect", "smarthost", "TestConnectIsGivenUpInTime"},
	{"Timeout.initial", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.helo", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.starttls", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.auth", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.mail", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.rcpt", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.datainit", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.datablock", "smarthost/relay", "TestWriteThatDoesNotGetOnEnds"},
	{"Timeout.datafinal", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.rset", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.quit", "smarthost/relay", "TestEachTimeoutIsItsOwn"},
	{"Timeout.command", "msp/listen", "TestAnIdleClientIsToldAndSentAway"},

	{"mta.name_servers", "mta/names", "TestTheConfigurationSaysWhoIsAskedAndHowPatiently"},
	{"Timeout.resolver.retrans.first", "mta/names", "TestTheFirstTryOfAMessageHasItsOwnPatience"},
	{"Timeout.resolver.retry.first", "mta/names", "TestTheFirstTryOfAMessageHasItsOwnPatience"},
	{"ResolverOptions", "mta/names", "TestEachResolverOptionChangesTheQuestion"},
	{"ServiceSwitchFile", "mta/names", "TestTheServiceSwitchSaysWhoIsAsked"},
	{"HostsFile", "mta/names", "TestTheConfigurationSaysWhoIsAskedAndHowPatiently"},
	{"DontExpandCnames", "mta/names", "TestANameIsCompletedAsSendmailDoes"},
	{"Timeout.resolver.retrans", "mta/names", "TestTheConfigurationSaysWhoIsAskedAndHowPatiently"},
	{"Timeout.resolver.retrans.normal", "mta/names", "TestTheConfigurationSaysWhoIsAskedAndHowPatiently"},
	{"Timeout.resolver.retry", "mta/names", "TestTheConfigurationSaysWhoIsAskedAndHowPatiently"},
	{"Timeout.resolver.retry.normal", "mta/names", "TestTheConfigurationSaysWhoIsAskedAndHowPatiently"},
	{"Timeout.ident", "mta/ident", "TestASilentIdentdDelaysNothingPastItsTimeout"},
	{"mta.dnsbl.NAME.", "mta/dnsbl", "TestWhatAListComesTo"},
	{"RunAsUser", "mta", "TestAServerBecomesItsUserWhenItHasItsPorts"},
	{"mta.map.mailertable", "mta/route", "TestEachValueOfTheMailertableIsUnderstood"},
	{"mta.map.virtusertable", "mta/route", "TestTheVirtusertableHasSevenKeys"},
	{"mta.map.domaintable", "mta/route", "TestTheDomaintableGivesADomainItsNewName"},
	{"mta.map.genericstable", "mta/route", "TestTheGenericstableRewritesSenders"},
	{"mta.route.smart_host", "mta/route", "TestAllElseLeavesByTheSmartHostOrTheAccount"},
	{"mta.route.null_client", "mta/route", "TestAllElseLeavesByTheSmartHostOrTheAccount"},
	{"mta.route.preserve_local_plus_detail", "mta/route", "TestAllElseLeavesByTheSmartHostOrTheAccount"},
	{"mta.route.mail_hub", "mta/route", "TestAHubTakesLocalNames"},
	{"mta.route.local_relay", "mta/route", "TestAHubTakesLocalNames"},
	{"mta.route.local_users", "mta/route", "TestAHubTakesLocalNames"},
	{"mta.deliver.luser_relay", "mta/route", "TestMailForNobodyGoesWhereLuserRelaySays"},
	{"mta.route.preserve_luser_host", "mta/route", "TestMailForNobodyGoesWhereLuserRelaySays"},
	{"mta.route.virt_host", "mta/policy", "TestVirtualDomainsAreRelayedFor"},
	{"mta.route.virt_host_file", "mta/policy", "TestVirtualDomainsAreRelayedFor"},
	{"mta.masquerade.", "mta/route", "TestMasqueradingHidesOurNames"},
	{"mta.deliver.mailer", "mta/local", "TestAMaildirIsMadeAndFilledAsItsUser"},
	{"DefaultUser", "mta/local", "TestAProgramRunsAsWhoHasNamedIt"},
	{"SafeFileEnvironment", "mta/local", "TestFilesStayInSafeFileEnvironment"},
	{"mta.deliver.program_time", "mta/local", "TestTheEndOfAProgramIsTheReply"},
	{"mta.deliver.program_output", "mta/local", "TestTheEndOfAProgramIsTheReply"},
	{"Timeout.lhlo", "mta/local", "TestASilentLMTPServerIsWaitedForAsLongAsTimeoutLhloSays"},
	{"mta.map.aliases", "mta/aliases", "TestAnAliasIsLookedUpWithItsDetailThenStarThenBare"},
	{"MaxAliasRecursion", "mta/expand", "TestAliasesThatLeadBackEnd"},
	{"MeToo", "mta/expand", "TestASenderOnAListGetsACopyOnlyWhereMeTooSaysSo"},
	{"ForwardPath", "mta/aliases", "TestTheFirstSafeFileOfForwardPathWins"},
	{"Timeout.fileopen", "mta/aliases", "TestAFileThatHangsIsTemporaryWithinTimeoutFileopen"},
	{"mta.exchange.expensive", "mta/site", "TestAnExpensiveHostIsCalledByQueueRunsAlone"},
	{"mta.turn.users", "mta", "TestWhoHasLoggedInMayFetchTheMailOfTheirDomains"},
	{"mta.listen.NAME.odmr", "mta", "TestWhoHasLoggedInMayFetchTheMailOfTheirDomains"},
	{"account.NAME.fetch", "internal/config", "TestAnAccountSaysHowItsMailIsFetched"},
	{"account.NAME.fetch_domains", "internal/config", "TestAnAccountSaysHowItsMailIsFetched"},
	{"account.NAME.fetch_smarthost", "internal/config", "TestAnAccountSaysHowItsMailIsFetched"},
	{"mta.", "internal/config", "TestTheFileSetsWhatAServerGoesBy"},
	{"AuthMechanisms", "mta/auth", "TestMechanismsAreThoseThatLettersAndAccountsAllow"},
	{"AuthOptions", "mta/auth", "TestMechanismsAreThoseThatLettersAndAccountsAllow"},
	{"AuthRealm", "mta/auth", "TestARealmIsPutBehindANameWithoutOne"},
	{"ServerCertFile", "mta/certificate", "TestACertificateThatChangesIsServedAtOnce"},
	{"ServerKeyFile", "mta/certificate", "TestACertificateThatChangesIsServedAtOnce"},
	{"CACertFile", "mta/certificate", "TestAClientsCertificateIsJudgedInSendmailsWords"},
	{"CACertPath", "mta/certificate", "TestAClientsCertificateIsJudgedInSendmailsWords"},
	{"CRLFile", "mta/certificate", "TestAClientsCertificateIsJudgedInSendmailsWords"},
	{"CipherList", "mta/certificate", "TestACipherListHoldsClientsToIt"},
	{"ServerSSLOptions", "mta/certificate", "TestOptionsOfOpenSSLSayWhichVersionsAreTaken"},
	{"TLSSrvOptions", "mta/certificate", "TestAClientIsAskedForACertificateOrNot"},
	{"MaxDaemonChildren", "mta/smtpd", "TestOneConnectionTooManyIsToldSo"},
	{"BadRcptThrottle", "mta/smtpd", "TestAClientThatGetsNoMailOnIsSlowedDown"},
	{"BadRcptShutdown", "mta/smtpd", "TestTooManyBadRecipientsEndTheConnection"},
	{"MaxNOOPCommands", "mta/smtpd", "TestAClientThatGetsNoMailOnIsSlowedDown"},
	{"SmtpGreetingMessage", "mta/smtpd", "TestTheGreetingIsMadeFromTheMessageOfTheConfiguration"},
	{"HelpFile", "mta", "TestHelpIsWhatTheFileSays"},
	{"AllowBogusHELO", "mta/smtpd", "TestAHELOIsAHostName"},
	{"SoftBounce", "mta/smtpd", "TestSoftBounceMakesRefusalsTemporary"},
	{"ConnectionRateThrottle", "mta/policy", "TestConnectionsAboveTheRateOfTheServerWait"},
	{"ConnectionRateWindowSize", "mta/policy", "TestAClientAboveItsRateIsRefused"},

	{"DontBlameSendmail", "mta/safefile", "TestEachWordOfDontBlameSendmailRelaxesItsOwnCheckOnly"},
	{"TrustedUser", "mta/safefile", "TestAFileOfTheTrustedUserIsAsGoodAsRoots"},

	{"LogLevel", "cmd/mailcrane", "TestTheLogObeysSendmailsLevels"},
	{"RejectLogInterval", "msp/listen", "TestTheLogHearsOfTheFirstRefusalAndThenNowAndThen"},
	{"RefuseLA", "msp/listen", "TestATooHighLoadRefusesConnections"},
	{"DelayLA", "msp/listen", "TestAHighLoadSlowsAClientDown"},
}

func TestEachOptionIsObeyedAndTestedOrSaysWhyNot(t *testing.T) {
	used := map[[3]string]bool{}
	for o := range Options() {
		found := false
		for _, s := range shownBy {
			prefix, all := strings.CutSuffix(s[0], ".")
			if s[0] == o.Title() || all && (prefix == o.Title() || strings.HasPrefix(o.Title(), s[0])) {
				found, used[s] = true, true
			}
		}
		if found != o.Obeyed() {
			t.Errorf("%s: obeyed %v, shown by a test %v; name its test in shownBy, or say in the table why it has no effect",
				o.Title(), o.Obeyed(), found)
		}
	}
	for _, s := range shownBy {
		if !used[s] {
			t.Errorf("%s is no option that is obeyed", s[0])
		}
		if !hasTest(t, s[1], s[2]) {
			t.Errorf("%s is shown by %s, which is not in %s", s[0], s[2], s[1])
		}
	}
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
