"""What Prefect does by itself: runs whose process died are started again, and people are told what they must know.

Importing this imports nothing of Prefect; its modules but `values` do:

    async with get_client() as client:
        await healing.ensure_automations(client)                # running it again changes nothing
        await channels.set_channel(client, channel, block)
"""
