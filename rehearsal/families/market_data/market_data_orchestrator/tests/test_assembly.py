import asyncio

from market_data_orchestrator.assembly import assemble


async def fill(assembly, count):
    for number in range(count):
        await assembly.coordinator.put(number)


def test_a_queue_that_fills_slows_its_provider_down():
    assembly = assemble(capacity=10)
    paces = []
    for count in (5, 1, 3):
        asyncio.run(fill(assembly, count))
        paces.append(assembly.provider.pace)
    assert paces == [50.0, 35.0, 0.0]
