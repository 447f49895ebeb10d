"""Prefect's automations: runs that died are started again, and people are notified.

Of its modules, only `channel` does not import Prefect:

    async with get_client() as client:
        await healing.ensure_automations(client)                # running it again changes nothing
        await channels.set_channel(client, channel, block)
"""
