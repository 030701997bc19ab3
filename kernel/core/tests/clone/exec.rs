//! Exec: a program gets another memory while its call is in service.

use tine_abi::{
    Call, CapRef, Error,
    capability::{Destination, Rights, SlotFlags},
    domain::{CloneSpec, DomainOperation, ExecSpec, Inherit},
    memory::PAGE,
    message::{Disposition, Extras},
};
use tine_kcore::{
    Exception,
    object::thread::ThreadState,
    testing::system::{MEMORY, Outcome},
};

use super::world::{SERVER, SPEC, WORDS, World};

#[test]
fn exec_gives_the_waiting_thread_another_memory_and_keeps_its_call_in_service() {
    let world = World::new();
    let system = &world.system;
    let (parent, server) = (world.parent, world.server.thread);
    let flagged = Destination::exactly(CapRef::descriptor(2)).with_flags(SlotFlags::CLOEXEC);
    let words = [flagged.bits(), u64::from(Rights::ALL.bits()), 0];
    system.call(parent.thread, Call::CapMove, CapRef::descriptor(2), &words).value();
    let idle = system.create(parent.thread, tine_abi::Kind::Thread, &[0]).expect("a thread");
    let sibling = system.capability(parent.thread, idle).and_then(|it| it.thread().ok());
    let sibling = sibling.expect("a thread");
    // The server holds the Domain as the process server does.
    let domain = system.slot();
    system.give(system.root, parent.domain_slot, server, domain, Rights::ALL);
    let token = world.fork_request();
    let space = system.space(server);
    let spec = ExecSpec { space, instruction: 0x20_0000, stack: 0x41_0000, gs_base: 0x41_1000 };
    system.put(server, SPEC, &spec);
    let words = [DomainOperation::Exec as u64, SPEC];
    system.call(server, Call::DomainControl, domain, &words).result().unwrap();
    system.call(server, Call::CapClose, space, &[]).value();
    assert_eq!(system.state(parent.thread), ThreadState::Calling, "still in service");
    // A thread that was never started goes along.
    let spaces = system.with(|state| {
        [parent.thread, sibling].map(|id| state.threads.get(id).expect("it is there").root)
    });
    assert_eq!(spaces[0], spaces[1]);
    assert!(system.capability(parent.thread, CapRef::descriptor(2)).is_none(), "CLOEXEC");
    assert!(system.capability(parent.thread, CapRef::descriptor(1)).is_some());

    // RESTART is not possible any more: the new program gets an answer.
    let restart = Extras { disposition: Disposition::Restart, ..Extras::NONE };
    let reply = system.message(server, Call::Reply, world.port, token, WORDS, Some(&restart));
    reply.result().unwrap();
    let registers = system.registers(parent.thread);
    assert_eq!(
        (registers.rip, registers.rsp, registers.gs_base),
        (0x20_0000, 0x41_0000, 0x41_1000)
    );
    assert_eq!(system.get_words(parent.thread, MEMORY + 0x200, 1), [0], "another memory");
    // Root's capability to the old space names a shell.
    let map = system.call(system.root, Call::Unmap, parent.space_slot, &[MEMORY, PAGE]);
    assert_eq!(map.error(), Error::Gone);
}

#[test]
fn exec_voids_a_fault_of_the_old_program() {
    let world = World::new();
    let system = &world.system;
    let (parent, server) = (world.parent, world.server.thread);
    let domain = system.slot();
    system.give(system.root, parent.domain_slot, server, domain, Rights::ALL);
    let words = [DomainOperation::SetSupervisor as u64, u64::from(world.port.bits()), 5];
    system.call(server, Call::DomainControl, domain, &words).value();
    let space = system.space(server);
    let spec = ExecSpec { space, instruction: 0x20_0000, stack: 0x41_0000, gs_base: 0 };
    system.put(server, SPEC, &spec);
    let divide = Exception { vector: 0, code: 0, address: 0 };
    for is_received in [false, true] {
        system.fault(parent.thread, divide);
        let token = if is_received {
            let Outcome::Returned(got) = system.receive(server, world.port) else {
                panic!("the fault")
            };
            got.rdi
        } else {
            0
        };
        let words = [DomainOperation::Exec as u64, SPEC];
        system.call(server, Call::DomainControl, domain, &words).result().expect("exec");
        let Outcome::Returned(registers) = system.outcome(parent.thread) else { panic!("it runs") };
        assert_eq!(registers.rip, 0x20_0000);
        if is_received {
            let reply = system.message(server, Call::Reply, world.port, token, WORDS, None);
            assert_eq!(reply.error(), Error::BadToken);
        }
    }
}

#[test]
fn exec_of_a_vfork_child_gives_the_memory_back_to_the_parent() {
    let world = World::new();
    let system = &world.system;
    let spec = CloneSpec { space: Inherit::Share, ..world.spec() };
    let (child, slot) = world.fork(&spec);
    let call = system.message(child, Call::Call, SERVER, 0, WORDS, None);
    assert_eq!(call, Outcome::Blocked);
    let server = world.server.thread;
    let space = system.space(server);
    let exec = ExecSpec { space, instruction: 0x20_0000, stack: 0x41_0000, gs_base: 0 };
    system.put(server, SPEC, &exec);
    let words = [DomainOperation::Exec as u64, SPEC];
    system.call(server, Call::DomainControl, slot, &words).result().unwrap();
    assert_eq!(system.get_words(world.parent.thread, MEMORY + 0x200, 1), [0xabcd]);
    system.put_words(child, MEMORY + 0x200, &[5]);
    assert_eq!(system.get_words(world.parent.thread, MEMORY + 0x200, 1), [0xabcd]);
}
