//! What the tests of clones share: a process server that forks its client.

use tine_abi::{
    Call, CapRef,
    capability::Destination,
    domain::{CloneSpec, PRIVATE_ENTRIES, PrivateEntry, PrivateSource},
    message::{Extras, MessageKind, Status},
};
use tine_kcore::{
    object::{ThreadId, capability::Object, thread::ThreadState},
    testing::system::{MEMORY, MEMORY_LENGTH, Outcome, Program, System},
};

pub(crate) const WORDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
pub(crate) const SERVER: CapRef = CapRef::private(1);
/// Where the specification lies in the server's memory.
pub(crate) const SPEC: u64 = MEMORY + 0x400;

/// A process server with its port and account, and a parent with eight descriptors.
pub(crate) struct World {
    pub(crate) system: System,
    pub(crate) server: Program,
    pub(crate) parent: Program,
    pub(crate) port: CapRef,
}

impl World {
    pub(crate) fn new() -> World {
        let system = System::new(1024);
        let server = system.spawn(1);
        let parent = system.spawn(4);
        let port = system.port(server.thread);
        system.client(server.thread, port, 1 << 32, parent.thread, SERVER);
        for slot in 0..8 {
            let place = CapRef::descriptor(slot);
            system.client(server.thread, port, 100 + u64::from(slot), parent.thread, place);
        }
        system.put_words(parent.thread, MEMORY + 0x200, &[0xabcd]);
        // The pages that tests write to exist from the beginning.
        system.put_words(server.thread, SPEC, &[0]);
        system.put_words(server.thread, MEMORY + MEMORY_LENGTH - 256, &[0]);
        World { system, server, parent, port }
    }

    pub(crate) fn spec(&self) -> CloneSpec {
        let mut private = [None; PRIVATE_ENTRIES];
        private[0] = Some(PrivateEntry {
            slot: 1,
            source: PrivateSource::Mint { port: CapRef::SELF, badge: 2 << 32, protocol: 7 },
        });
        private[1] = Some(PrivateEntry::inherited(2));
        CloneSpec {
            child_result: 42,
            private,
            ..CloneSpec::fork(Destination::lowest_from(CapRef::private(40)), self.port, 55)
        }
    }

    /// The parent calls; the token with which the server has it.
    pub(crate) fn fork_request(&self) -> u64 {
        if self.system.state(self.server.thread) == ThreadState::Runnable {
            // What the server received last is forgotten.
            self.system.with(|state| {
                state
                    .threads
                    .get_mut(self.server.thread)
                    .expect("the server lives")
                    .registers
                    .rdi = 0;
            });
        }
        let call = self.system.message(self.parent.thread, Call::Call, SERVER, 0, WORDS, None);
        assert_eq!(call, Outcome::Blocked);
        loop {
            let server = self.server.thread;
            let got = self.system.registers(server);
            if Status(got.rax).kind() == MessageKind::Call && got.r15 == 1 << 32 && got.rdi != 0 {
                return got.rdi;
            }
            let Outcome::Returned(_) = self.system.receive(server, self.port) else {
                panic!("the request is there");
            };
        }
    }

    pub(crate) fn clone(&self, token: u64, spec: &CloneSpec) -> Outcome {
        self.system.put(self.server.thread, SPEC, spec);
        self.system.call(self.server.thread, Call::CloneCaller, self.port, &[token, SPEC])
    }

    /// The child behind the server's capability.
    pub(crate) fn child(&self, slot: CapRef) -> ThreadId {
        let capability = self.system.capability(self.server.thread, slot).expect("a capability");
        let Some(Object::Domain(domain)) = capability.object() else { panic!("a Domain") };
        self.system
            .with(|state| state.domains.get(domain).and_then(|domain| domain.threads.front()))
            .expect("its thread")
    }

    /// Answers the parent and starts the child.
    pub(crate) fn release(&self, token: u64, child: CapRef, child_first: bool) {
        let mut extras = Extras::NONE;
        extras.starts[0] = Some(child);
        extras.start_first = child_first;
        let words = [0, 42, 0, 0, 0, 0, 0, 0];
        let server = self.server.thread;
        let reply =
            self.system.message(server, Call::ReplyReceive, self.port, token, words, Some(&extras));
        assert_eq!(reply, Outcome::Blocked);
    }

    pub(crate) fn fork(&self, spec: &CloneSpec) -> (ThreadId, CapRef) {
        let token = self.fork_request();
        let slot = CapRef::private(self.clone(token, spec).value() as u16);
        let child = self.child(slot);
        self.release(token, slot, false);
        (child, slot)
    }

    /// The next notification for the server.
    #[track_caller]
    pub(crate) fn told(&self) -> [u64; 5] {
        let got = match self.system.state(self.server.thread) {
            ThreadState::Receiving => panic!("nothing was told"),
            _ => self.system.registers(self.server.thread),
        };
        let words = got.words();
        [words[0], words[1], words[2], words[3], got.r15]
    }
}
