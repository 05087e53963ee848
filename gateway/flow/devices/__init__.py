"""The device process as the gateway knows it: started, listened to, told of."""
