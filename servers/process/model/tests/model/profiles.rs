//! What the other three systems do not have.

use super::script::{check_with, trace};
use expect_test::expect;
use tine_process_model::{Config, FREEBSD_2001, FREEBSD_2010, NETBSD_9, Profile};

/// The common trace of several systems.
fn common(profiles: &[&'static Profile], script: &str) -> String {
    let run = |profile| trace(Config { profile, ..Config::DEFAULT }, script);
    let first = run(profiles[0]);
    for profile in profiles {
        assert_eq!(run(profile), first, "{}", profile.name);
    }
    first
}

/// 2.8/8: no descriptors, no reapers; orphans go to init.
#[test]
fn rule_2_8_8_older_systems_have_no_descriptors_and_no_reapers() {
    let trace = common(
        &[&FREEBSD_2010, &FREEBSD_2001, &NETBSD_9],
        "
        init fork a
        a pdfork x
        a reaper on
        a reaper off
        a fork b
        b fork c
        exit b 0
        c getppid
        a wait b
        exit c 1
        init wait c
    ",
    );
    expect![[r#"
        init fork a
          clone a pid 2 copy
          init fork: 2, then start a
        a pdfork x
          a pdfork: ENOSYS
        a reaper on
          a reaper: ENOSYS
        a reaper off
          a reaper: ENOSYS
        a fork b
          clone b pid 3 copy
          a fork: 3, then start b
        b fork c
          clone c pid 4 copy
          b fork: 4, then start c
        exit b 0
        c getppid
          c getppid: 1
        a wait b
          forget b
          a wait: 3 status 0x0000
        exit c 1
        init wait c
          forget c
          init wait: 4 status 0x0100
    "#]]
    .assert_eq(&trace);
}

/// Rule 53, 2.8/11: a group keeps its number everywhere.
#[test]
fn rule_53_what_keeps_a_number() {
    let trace = common(
        &[&FREEBSD_2010, &NETBSD_9],
        "
        init fork a
        a setsid
        a fork b
        b setpgid own own
        b fork c
        exit a 0
        init wait a
        exit b 0
        init wait b
        c getsid own
        c getpgid own
        init kill -b 0
        init kill -a 0
    ",
    );
    expect![[r#"
        init fork a
          clone a pid 2 copy
          init fork: 2, then start a
        a setsid
          a setsid: 2
        a fork b
          clone b pid 3 copy
          a fork: 3, then start b
        b setpgid own own
          b setpgid: 0
        b fork c
          clone c pid 4 copy
          b fork: 4, then start c
        exit a 0
        init wait a
          forget a
          init wait: 2 status 0x0000
        exit b 0
        init wait b
          forget b
          init wait: 3 status 0x0000
        c getsid own
          c getsid: 2
        c getpgid own
          c getpgid: 3
        init kill -b 0
          init kill: 0
        init kill -a 0
          init kill: ESRCH
    "#]]
    .assert_eq(&trace);
}

/// WNOWAIT came after 2001.
#[test]
fn wait_options_of_2001() {
    let config = Config { profile: &FREEBSD_2001, ..Config::DEFAULT };
    check_with(
        config,
        "
        init fork a
        init wait a keep
        init wait a nohang
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            init wait a keep
              init wait: EINVAL
            init wait a nohang
              init wait: 0
        "#]],
    );
}
